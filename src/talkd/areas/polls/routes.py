"""Operations of the poll API."""

from typing import Any

import msgspec

from talkd.areas.polls import service, view
from talkd.areas.polls.model import Question
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import ANY_MODERATOR, PAST_LOBBY, SPEAKING, Routes

routes = Routes("poll")
V1 = ("v1",)


class PollParams(msgspec.Struct, frozen=True):
    """A poll to create.

    With `resultMode` 0 voters see the votes so far, with 1 the votes are hidden until the poll is closed. With
    `maxVotes` 0 a voter may choose any number of options.
    """

    question: str
    options: list[str]
    resultMode: int
    maxVotes: int
    draft: bool = False


class DraftParams(msgspec.Struct, frozen=True):
    """A draft, with its new question and options."""

    pollId: int
    question: str
    options: list[str]
    resultMode: int
    maxVotes: int


class PollIdParams(msgspec.Struct, frozen=True):
    """A poll of the room."""

    pollId: int


class VoteParams(msgspec.Struct, frozen=True):
    """The numbers of the chosen options, counted from 0. An empty list removes the vote."""

    pollId: int
    optionIds: list[int] = []


def _question(params: PollParams | DraftParams) -> Question:
    return Question(params.question, params.options, params.resultMode, params.maxVotes)


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
    """Create a poll, or the draft of one."""
    is_draft = call.params.draft
    created = await service.create(tx, call.me, _question(call.params), is_draft=is_draft)
    return Reply(view.draft(created), 200) if is_draft else Reply(view.poll(created), 201)


@routes.add("POST", "poll/{token}/draft/{pollId}", *SPEAKING, versions=V1, params=DraftParams, returns=view.DraftView)
async def edit_draft(tx: Tx, call: Call[DraftParams]) -> view.DraftView:
    """Change a draft."""
    return view.draft(await service.edit_draft(tx, call.me, call.params.pollId, _question(call.params)))


@routes.add("GET", "poll/{token}/drafts", *ANY_MODERATOR, versions=V1, returns=list[view.DraftView])
async def list_drafts(tx: Tx, call: Call[Any]) -> list[view.DraftView]:
    """List the drafts of polls in a room."""
    return [view.draft(draft) for draft in await service.list_drafts(tx, call.me)]


@routes.add("GET", "poll/{token}/{pollId}", *PAST_LOBBY, versions=V1, params=PollIdParams, returns=view.PollView)
async def get_poll(tx: Tx, call: Call[PollIdParams]) -> view.PollView:
    """Get a poll, with the votes that the caller may see."""
    return view.poll(await service.get_result(tx, call.me, call.params.pollId))


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
    return view.poll(await service.vote(tx, call.me, call.params.pollId, call.params.optionIds))


@routes.add("DELETE", "poll/{token}/{pollId}", *SPEAKING, versions=V1, params=PollIdParams, returns=view.PollView)
async def close_poll(tx: Tx, call: Call[PollIdParams]) -> Reply:
    """Close a poll, or delete a draft."""
    closed = await service.close(tx, call.me, call.params.pollId)
    return Reply(None, 202) if closed is None else Reply(view.poll(closed), 200)
