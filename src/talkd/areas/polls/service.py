"""Create polls, vote in them, close them, and show their results."""

from collections.abc import Sequence

from talkd.areas.messages import service as messages
from talkd.areas.polls import store
from talkd.areas.polls.model import (
    OBJECT_TYPE,
    SHARED_AS,
    Ballot,
    Poll,
    Question,
    Result,
    Status,
    require_wording,
    visible,
)
from talkd.conversation import actor_store, message_store
from talkd.conversation.message import Names, Reference
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.actor import SYSTEM
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.storage.database import Tx


async def create(tx: Tx, me: Participant, question: Question, *, is_draft: bool) -> Result:
    """Create a poll and post the message that shows it. A draft has no message.

    Raises Invalid with the reason.
    """
    _require_may_create(me, is_draft=is_draft)
    wording = require_wording(question)
    actor, status = me.actor, Status.DRAFT if is_draft else Status.OPEN
    poll_id = await store.add_poll(tx, me.room.id, actor, wording, status)
    poll = Poll(
        me.room.id,
        poll_id,
        actor.type,
        actor.id,
        actor.name,
        wording.question,
        wording.options,
        wording.result_mode,
        wording.max_votes,
        status,
    )
    if not is_draft:
        message, _ = await messages.share(tx, me, _reference(poll), SHARED_AS)
        await store.set_message(tx, poll.room_id, poll.id, message.id)
    return Result(poll, names={(actor.type, actor.id): actor.name})


def _require_may_create(me: Participant, *, is_draft: bool) -> None:
    """Raises Invalid("room") outside of group and public rooms, and Invalid("draft") for a draft by a non-moderator."""
    if not me.room.is_shared:
        raise Invalid("room")
    if is_draft and not me.is_moderator:
        raise Invalid("draft")


async def edit_draft(tx: Tx, me: Participant, poll_id: int, question: Question) -> Result:
    """Replace the question and options of a draft.

    Raises NotFound, or Invalid with the reason: "poll" if the poll is not a draft.
    """
    _require_may_create(me, is_draft=True)
    wording = require_wording(question)
    poll = await _access_poll(tx, me, poll_id)
    if poll.status != Status.DRAFT:
        raise Invalid("poll")
    await store.set_wording(tx, poll.room_id, poll.id, wording)
    return await _result(tx, me, await _access_poll(tx, me, poll_id))


async def list_drafts(tx: Tx, me: Participant) -> list[Result]:
    """Return the drafts of the room, oldest first."""
    drafts = await store.list_drafts(tx, me.room.id)
    names = await _get_names(tx, drafts)
    return [Result(poll, names=names) for poll in drafts]


async def vote(tx: Tx, me: Participant, poll_id: int, options: list[int]) -> Result:
    """Replace the caller's vote. An empty list removes it.

    Raises NotFound, Invalid("poll") if the poll is closed, or Invalid("options").
    """
    poll = await _access_poll(tx, me, poll_id)
    if poll.status == Status.DRAFT:
        raise NotFound("poll")
    if poll.status != Status.OPEN:
        raise Invalid("poll")
    poll.require_votes(options)
    await store.set_votes(tx, poll.room_id, poll.id, me.actor, options)
    if poll.is_public:
        await messages.post_system(tx, me.room, SYSTEM, "poll_voted", references={"poll": _reference(poll)})
    return await _result(tx, me, poll)


async def close(tx: Tx, me: Participant, poll_id: int) -> Result | None:
    """Close a poll. If it is a draft, delete it and return None.

    Raises NotFound, Forbidden("poll") for anyone but the poll's author and moderators, or Invalid("poll") if it is
    already closed.
    """
    poll = await _access_poll(tx, me, poll_id)
    if poll.status == Status.DRAFT:
        await store.delete_poll(tx, poll.room_id, poll.id)
        return None
    if not poll.is_run_by(me):
        raise Forbidden("poll")
    if not await store.close(tx, poll.room_id, poll.id):
        raise Invalid("poll")
    message = await messages.post_system(tx, me.room, me.actor, "poll_closed", references={"poll": _reference(poll)})
    await message_store.mark_read(tx, me.room.id, me.attendee.id, message.id)
    return await _result(tx, me, await _access_poll(tx, me, poll_id))


async def get_result(tx: Tx, me: Participant, poll_id: int) -> Result:
    """Return a poll with the votes that the caller may see. Raises NotFound("poll")."""
    return await _result(tx, me, await _access_poll(tx, me, poll_id))


async def _access_poll(tx: Tx, me: Participant, poll_id: int) -> Poll:
    """Return a poll of the room. Raises NotFound("poll"), also for a draft if the caller is not a moderator."""
    poll = await store.get_poll(tx, me.room.id, poll_id, clock.now())
    if poll is None or (poll.status == Status.DRAFT and not me.is_moderator):
        raise NotFound("poll")
    return poll


async def _result(tx: Tx, me: Participant, poll: Poll) -> Result:
    if poll.status == Status.DRAFT:
        return Result(poll, names=await _get_names(tx, [poll]))
    tally = visible(poll, await store.count_votes(tx, poll.room_id, poll.id, me.actor), me)
    ballots = None
    if poll.status == Status.CLOSED and poll.is_public:
        ballots = await store.list_ballots(tx, poll.room_id, poll.id)
    return Result(poll, tally, ballots, await _get_names(tx, [poll, *(ballots or ())]))


async def _get_names(tx: Tx, items: Sequence[Poll | Ballot]) -> Names:
    """Return the current names of the authors and voters."""
    return await actor_store.get_names(tx, {(item.actor_type, item.actor_id) for item in items})


def _reference(poll: Poll) -> Reference:
    return Reference(OBJECT_TYPE, str(poll.id), poll.question)
