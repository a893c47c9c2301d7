"""Statements about polls. A poll that is not a draft exists as long as the message that shows it."""

from collections import Counter
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from talkd.areas.polls.model import Ballot, Poll, Status, Tally, Wording
from talkd.conversation.message import OBJECT_SHARED
from talkd.conversation.message_store import CLEARED_ID, is_visible
from talkd.core.actor import Actor
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape, shape_of
from talkd.storage.schema import messages, poll_votes, polls
from talkd.storage.statements import ONE, ZERO, Statement, bind, number, word


class _Choices(NamedTuple):
    """The same choice of options by `voters` actors; `own` is 1 if this actor is one of them."""

    options: str
    voters: int
    own: int


_POLL = shape(Poll, polls)
_DRAFT, _OPEN, _CLOSED = number(Status.DRAFT), number(Status.OPEN), number(Status.CLOSED)
_in_room = polls.c.room_id == bind("room_id")
_one = sa.and_(_in_room, polls.c.id == bind("poll_id"))
_shown = sa.exists().where(
    messages.c.room_id == polls.c.room_id,
    messages.c.id == polls.c.message_id,
    messages.c.kind == word(OBJECT_SHARED),
    is_visible(messages, CLEARED_ID),
)

_ADD = Statement(
    sa.insert(polls)
    .values(
        {
            name: bind(name)
            for name in (
                "room_id",
                "actor_type",
                "actor_id",
                "actor_name",
                "question",
                "options",
                "result_mode",
                "max_votes",
                "status",
            )
        }
    )
    .returning(polls.c.id)
)
_SHOW = Statement(sa.update(polls).where(_one).values(message_id=bind("message_id")))
_REWORD = Statement(
    sa.update(polls)
    .where(_one, polls.c.status == _DRAFT)
    .values(
        question=bind("question"),
        options=bind("options"),
        result_mode=bind("result_mode"),
        max_votes=bind("max_votes"),
    )
)
_BY_ID = Query(sa.select(*_POLL).where(_one, sa.or_(polls.c.status == _DRAFT, _shown)), _POLL)
_DRAFTS = Query(sa.select(*_POLL).where(_in_room, polls.c.status == _DRAFT).order_by(polls.c.id), _POLL)
_CLOSE = Statement(sa.update(polls).where(_one, polls.c.status == _OPEN).values(status=_CLOSED))
_DELETE = Statement(sa.delete(polls).where(_one))

_of_poll = sa.and_(poll_votes.c.room_id == bind("room_id"), poll_votes.c.poll_id == bind("poll_id"))
_own = sa.and_(poll_votes.c.actor_type == bind("actor_type"), poll_votes.c.actor_id == bind("actor_id"))
_UNVOTE = Statement(sa.delete(poll_votes).where(_of_poll, _own))
_VOTE = Statement(
    sa.insert(poll_votes).values(
        {name: bind(name) for name in ("room_id", "poll_id", "actor_type", "actor_id", "actor_name", "options")}
    )
)
_CHOICES = shape_of(_Choices, poll_votes.c.options, sa.func.count(), sa.func.sum(sa.case((_own, ONE), else_=ZERO)))
_COUNT = Query(sa.select(*_CHOICES).where(_of_poll).group_by(poll_votes.c.options), _CHOICES)
_BALLOT = shape(Ballot, poll_votes)
_BALLOTS = Query(sa.select(*_BALLOT).where(_of_poll).order_by(poll_votes.c.id), _BALLOT)


async def add_poll(tx: Tx, room_id: int, actor: Actor, wording: Wording, status: Status) -> int:
    """Store a poll and return its id."""
    poll_id = await tx.value(
        _ADD,
        room_id=room_id,
        actor_type=actor.type,
        actor_id=actor.id,
        actor_name=actor.name,
        status=int(status),
        **msgspec.structs.asdict(wording),
    )
    return int(poll_id)


async def set_message(tx: Tx, room_id: int, poll_id: int, message_id: int) -> None:
    """Set the message that shows the poll."""
    await tx.run(_SHOW, room_id=room_id, poll_id=poll_id, message_id=message_id)


async def set_wording(tx: Tx, room_id: int, poll_id: int, wording: Wording) -> None:
    """Replace question and options of a draft. Does nothing for a poll that is not a draft."""
    await tx.run(_REWORD, room_id=room_id, poll_id=poll_id, **msgspec.structs.asdict(wording))


async def get_poll(tx: Tx, room_id: int, poll_id: int, now: int) -> Poll | None:
    """Return a poll of the room, or None; also None if the poll's message was deleted, was cleared or has expired."""
    return await tx.find(_BY_ID, room_id=room_id, poll_id=poll_id, now=now)


async def list_drafts(tx: Tx, room_id: int) -> list[Poll]:
    """Return the drafts of the room, oldest first."""
    return await tx.list(_DRAFTS, room_id=room_id)


async def close(tx: Tx, room_id: int, poll_id: int) -> bool:
    """Close a poll. Return True if it was open."""
    return await tx.run(_CLOSE, room_id=room_id, poll_id=poll_id) > 0


async def delete_poll(tx: Tx, room_id: int, poll_id: int) -> None:
    """Remove a poll and its votes."""
    await tx.run(_DELETE, room_id=room_id, poll_id=poll_id)


async def set_votes(tx: Tx, room_id: int, poll_id: int, actor: Actor, options: list[int]) -> None:
    """Replace an actor's vote. Without options, the vote is removed."""
    await tx.run(_UNVOTE, room_id=room_id, poll_id=poll_id, actor_type=actor.type, actor_id=actor.id)
    if options:
        await tx.run(
            _VOTE,
            room_id=room_id,
            poll_id=poll_id,
            actor_type=actor.type,
            actor_id=actor.id,
            actor_name=actor.name,
            options=msgspec.json.encode(options).decode(),
        )


async def count_votes(tx: Tx, room_id: int, poll_id: int, actor: Actor) -> Tally:
    """Return the votes by option, the number of voters, and the options that this actor voted for."""
    counted = await tx.list(_COUNT, room_id=room_id, poll_id=poll_id, actor_type=actor.type, actor_id=actor.id)
    votes: Counter[int] = Counter()
    own: list[int] = []
    for each in counted:
        choices = msgspec.json.decode(each.options, type=list[int])
        votes.update(dict.fromkeys(choices, each.voters))
        if each.own:
            own = choices
    return Tally(dict(sorted(votes.items())), sum(each.voters for each in counted), own)


async def list_ballots(tx: Tx, room_id: int, poll_id: int) -> list[Ballot]:
    """Return the ballots, oldest first."""
    return await tx.list(_BALLOTS, room_id=room_id, poll_id=poll_id)
