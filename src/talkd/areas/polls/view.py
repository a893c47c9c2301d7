"""Polls as JSON: exactly these keys, in this order."""

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.polls.model import Ballot, Poll, Result
from talkd.conversation.message import Names, current_actor


class DraftView(msgspec.Struct, frozen=True, kw_only=True):
    """A draft of a poll."""

    id: int
    question: str
    options: list[str]
    actorType: str
    actorId: str
    actorDisplayName: str
    status: int
    resultMode: int
    maxVotes: int


class VoteView(msgspec.Struct, frozen=True):
    """One vote for one option."""

    actorType: str
    actorId: str
    actorDisplayName: str
    optionId: int


class PollView(DraftView, frozen=True, kw_only=True):
    """A poll. `votes` is an empty list if there is no vote that the caller may see."""

    votes: dict[str, int] | list[int]
    numVoters: int
    details: list[VoteView] | UnsetType = UNSET
    votedSelf: list[int]


def draft(result: Result) -> DraftView:
    """Show a draft."""
    item = result.poll
    actor_type, actor_id, name = _actor(item, result.names)
    return DraftView(
        id=item.id,
        question=item.question,
        options=item.choices,
        actorType=actor_type,
        actorId=actor_id,
        actorDisplayName=name,
        status=item.status,
        resultMode=item.result_mode,
        maxVotes=item.max_votes,
    )


def poll(result: Result) -> PollView:
    """Show a poll with the votes that one participant may see."""
    tally = result.tally
    return PollView(
        **msgspec.structs.asdict(draft(result)),
        votes={f"option-{option}": count for option, count in tally.votes.items()} or [],
        numVoters=tally.voters,
        details=UNSET if result.ballots is None else _details(result.ballots, result.names),
        votedSelf=tally.own,
    )


def _details(ballots: list[Ballot], names: Names) -> list[VoteView]:
    return [VoteView(*_actor(ballot, names), option) for ballot in ballots for option in ballot.choices]


def _actor(item: Poll | Ballot, names: Names) -> tuple[str, str, str]:
    return current_actor(item.actor_type, item.actor_id, item.actor_name, names)
