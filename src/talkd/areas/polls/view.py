"""Polls as JSON. Clients get no keys beyond these, in this order (small-print.md)."""

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.polls.model import Ballot, Poll, Result
from talkd.conversation.message import Names, current_actor


class DraftView(msgspec.Struct, frozen=True, kw_only=True):
    """A poll that has not been asked yet, on the wire."""

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
    """One vote, on the wire."""

    actorType: str
    actorId: str
    actorDisplayName: str
    optionId: int


class PollView(DraftView, frozen=True, kw_only=True):
    """A poll on the wire. `votes` is an empty list where there is nothing to see."""

    votes: dict[str, int] | list[int]
    numVoters: int
    details: list[VoteView] | UnsetType = UNSET
    votedSelf: list[int]


def draft(item: Poll, names: Names) -> DraftView:
    """A draft, for moderators."""
    actor_type, actor_id, name = _actor(item, names)
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
    """A poll with what one participant may see."""
    item, tally = result.poll, result.tally
    actor_type, actor_id, name = _actor(item, result.names)
    return PollView(
        id=item.id,
        question=item.question,
        options=item.choices,
        actorType=actor_type,
        actorId=actor_id,
        actorDisplayName=name,
        status=item.status,
        resultMode=item.result_mode,
        maxVotes=item.max_votes,
        votes={f"option-{option}": count for option, count in tally.votes.items()} or [],
        numVoters=tally.voters,
        details=UNSET if result.ballots is None else _details(result.ballots, result.names),
        votedSelf=tally.own,
    )


def _details(ballots: list[Ballot], names: Names) -> list[VoteView]:
    return [VoteView(*_actor(ballot, names), option) for ballot in ballots for option in ballot.choices]


def _actor(item: Poll | Ballot, names: Names) -> tuple[str, str, str]:
    return current_actor(item.actor_type, item.actor_id, item.actor_name, names)
