"""Operations of the poll API."""

from typing import Any

import msgspec

from talkd.areas.polls import service, view
from talkd.areas.polls.model import Result, Wording, require_wording
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import ANY_MODERATOR, PAST_LOBBY, SPEAKING, Routes

routes = Routes("poll")
V1 = ("v1",)


class PollParams(msgspec.Struct, frozen=True):
    """What to ask. `resultMode` 0 shows the votes to who has voted, 1 only at the end; `maxVotes` 0 is any number."""

    question: str
    options: list[str]
    resultMode: int
    maxVotes: int
    draft: bool = False


class DraftParams(msgspec.Struct, frozen=True):
    """What to ask instead."""

    pollId: int
    question: str
    options: list[str]
    resultMode: int
    maxVotes: int


class OfPoll(msgspec.Struct, frozen=True):
    """Which poll."""

    pollId: int


class VoteParams(msgspec.Struct, frozen=True):
    """What to vote for, by the numbers of the options from 0; nothing takes the vote back."""

    pollId: int
    optionIds: list[int] = []


def _wording(params: PollParams | DraftParams) -> Wording:
    return require_wording(params.question, params.options, params.resultMode, params.maxVotes)


@routes.add(
    "POST",
    "poll/{token}",
    *SPEAKING,
    versions=V1,
    params=PollParams,
    limit=Limit.GUEST_MESSAGES,
    returns=view.PollView,
)
async def create_poll(tx: Tx, call: Call[PollParams]) -> Reply:
    """Ask the people of a conversation, or keep the question as a draft."""
    params, me = call.params, call.me
    service.require_may_create(me, draft=params.draft)
    names = {(me.actor.type, me.actor.id): me.actor.name}
    if params.draft:
        kept = await service.create_draft(tx, me, _wording(params))
        return Reply(view.draft(kept, names), 200)
    poll = await service.create(tx, me, _wording(params))
    return Reply(view.poll(Result(poll, names=names)), 201)


@routes.add("POST", "poll/{token}/draft/{pollId}", *SPEAKING, versions=V1, params=DraftParams, returns=view.DraftView)
async def edit_draft(tx: Tx, call: Call[DraftParams]) -> view.DraftView:
    """Change a draft."""
    me = call.me
    service.require_may_create(me, draft=True)
    poll = await service.edit_draft(tx, me, call.params.pollId, _wording(call.params))
    return view.draft(poll, await service.get_names(tx, [poll]))


@routes.add("GET", "poll/{token}/drafts", *ANY_MODERATOR, versions=V1, returns=list[view.DraftView])
async def list_drafts(tx: Tx, call: Call[Any]) -> list[view.DraftView]:
    """List the drafts of a conversation."""
    drafts = await service.list_drafts(tx, call.me)
    names = await service.get_names(tx, drafts)
    return [view.draft(poll, names) for poll in drafts]


@routes.add("GET", "poll/{token}/{pollId}", *PAST_LOBBY, versions=V1, params=OfPoll, returns=view.PollView)
async def get_poll(tx: Tx, call: Call[OfPoll]) -> view.PollView:
    """Get a poll, with what came out as far as the caller may see it."""
    poll = await service.access_poll(tx, call.me, call.params.pollId)
    return view.poll(await service.get_result(tx, call.me, poll))


@routes.add(
    "POST",
    "poll/{token}/{pollId}",
    *SPEAKING,
    versions=V1,
    params=VoteParams,
    limit=Limit.GUEST_MESSAGES,
    returns=view.PollView,
)
async def vote(tx: Tx, call: Call[VoteParams]) -> view.PollView:
    """Vote in a poll."""
    poll = await service.vote(tx, call.me, call.params.pollId, call.params.optionIds)
    return view.poll(await service.get_result(tx, call.me, poll))


@routes.add("DELETE", "poll/{token}/{pollId}", *SPEAKING, versions=V1, params=OfPoll, returns=view.PollView)
async def close_poll(tx: Tx, call: Call[OfPoll]) -> Reply:
    """Close a poll, or delete a draft."""
    poll = await service.close(tx, call.me, call.params.pollId)
    if poll is None:
        return Reply(None, 202)
    return Reply(view.poll(await service.get_result(tx, call.me, poll)), 200)
