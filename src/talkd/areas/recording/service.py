"""Record calls. A recording server joins the call, and uploads the recording when it is over."""

from talkd.areas.files import service as files
from talkd.areas.files.media_model import type_of
from talkd.areas.files.model import NO_LIMITS, Received, parse_path
from talkd.areas.recording import model, store
from talkd.areas.recording.model import ACTIVE, FOLDER, RUNNING, STARTING, Status
from talkd.areas.settings import service as settings
from talkd.areas.signatures import service as signatures
from talkd.conversation import attendee_store, room_store
from talkd.conversation.participant import Attendee, Participant
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import SYSTEM, USERS, Actor
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.core.events import CallRecordingSet, RecordingDismissed, RecordingStored
from talkd.storage.database import Tx

# --- what moderators do ---------------------------------------------------------------------
STOP_AGAIN = 60
"""Seconds after which the recording server is asked again to end the recording of a call that is over: the process that
asked may have died before."""


async def begin_start(tx: Tx, me: Participant, status: int, *, is_available: bool, address: str) -> None:
    """Note that a recording is about to start: the recording server must be asked next.

    `address`: that of this server, as the recording server will know it. It knows a recording by address and token.

    Raises Invalid("status") for an unknown kind of recording, Invalid("recording") if the call is being recorded,
    Invalid("call") if there is no call, and Invalid("config") if the server cannot record.
    """
    if status not in RUNNING:
        raise Invalid("status")
    room = await room_store.lock_room(tx, me.room.id)
    if room.call_recording in ACTIVE:
        raise Invalid("recording")
    if not room.call_started_at:
        raise Invalid("call")
    if not is_available:
        raise Invalid("config")
    await store.set_address(tx, room.id, address)
    await _set_status(tx, room, me.actor, STARTING[Status(status)])


async def begin_stop(tx: Tx, room_id: int, *, again: bool) -> str | None:
    """Note that the recording server is asked next to end a recording. Return the address under which it was begun.

    The address is "" if an older version of talkd has begun it. Return None if there is no recording, or, without
    `again`, if the recording server was asked within STOP_AGAIN seconds.
    """
    room = await room_store.lock_room(tx, room_id)
    address, stopped_at = await store.get_address(tx, room_id)
    now = clock.steady()
    if not is_recording(room) or (not again and stopped_at > now - STOP_AGAIN):
        return None
    await store.set_stopped(tx, room_id, now)
    return address


async def give_up(tx: Tx, room_id: int) -> None:
    """Note that the recording has failed: the recording server was not reached, or knows of no recording."""
    room = await room_store.lock_room(tx, room_id)
    if room.call_recording in ACTIVE:
        await _set_status(tx, room, SYSTEM, Status.FAILED)


def is_recording(room: Room) -> bool:
    """Return True if the recording server records the room, or was asked to."""
    return room.call_recording in ACTIVE


async def list_without_call(tx: Tx) -> list[Room]:
    """Return the rooms that are being recorded although their call is over."""
    return await store.list_without_call(tx, sorted(ACTIVE))


async def dismiss(tx: Tx, me: Participant, timestamp: int) -> None:
    """Delete the caller's notification of the recording that was stored at this time, if there is one."""
    await tx.emit(RecordingDismissed(me.room.id, me.actor, timestamp))


# --- what the recording server reports ------------------------------------------------------
async def receive(tx: Tx, message: model.Message, *, signature: str) -> None:
    """Follow a report of the recording server, unless it was followed before.

    Raises Invalid for an unknown type, NotFound for an unknown room, and Forbidden if a recording starts that nobody
    asked for.
    """
    if not await signatures.use(tx, signature):
        return
    report = {"started": message.started, "stopped": message.stopped, "failed": message.failed}.get(message.type)
    if report is None:
        raise Invalid
    room = await room_store.get_room(tx, report.token, lock=True)
    if room is None:
        raise NotFound
    if message.type == "started":
        if room.call_recording not in STARTING.values() or report.status not in RUNNING:
            raise Forbidden
        await _set_status(tx, room, await _find_actor(tx, room, report.actor), Status(report.status))
    elif message.type == "stopped":
        await _set_status(tx, room, await _find_actor(tx, room, report.actor), Status.NONE)
    else:
        await _set_status(tx, room, SYSTEM, Status.FAILED)


async def _find_actor(tx: Tx, room: Room, named: model.Actor | None) -> Actor:
    attendee = await attendee_store.find_attendee(tx, room.id, named.type, named.id) if named is not None else None
    return attendee.actor if attendee is not None else SYSTEM


async def _set_status(tx: Tx, room: Room, actor: Actor, status: Status) -> None:
    if room.call_recording != status:
        await room_store.set_field(tx, room.id, "call_recording", status)
        await tx.emit(CallRecordingSet(room.id, actor, room.call_recording, status))


# --- recordings -----------------------------------------------------------------------------
async def find_owner(tx: Tx, token: str, owner: str, *, signature: str) -> Attendee | None:
    """Return the user who gets the recording, a member of the room. None if this upload was kept before.

    Raises NotFound if there is no such room, and Invalid("owner_participant") if the user is not in it.
    """
    if await signatures.was_used(tx, signature):
        return None
    room = await room_store.get_room(tx, token)
    if room is None:
        raise NotFound
    attendee = await attendee_store.find_attendee(tx, room.id, USERS, owner)
    if attendee is None:
        raise Invalid("owner_participant")
    return attendee


async def keep(tx: Tx, owner: Attendee, token: str, name: str, received: Received, *, signature: str) -> bool:
    """Keep a recording among the files of its owner, and tell them. A name that is taken gets a number.

    Return whether the received contents are needed: they are not if the upload has come twice, or if equal ones are in
    the storage. No quota or other limit applies, because nobody could record again what was said.
    """
    if not await signatures.use(tx, signature):
        return False
    user_id = owner.actor.id
    parent = parse_path(await settings.get_attachment_folder(tx, user_id))
    folder = await files.ensure_folder(tx, user_id, (*parent, FOLDER, token), NO_LIMITS)
    name = await files.find_free_name(tx, folder, name)
    path = (*parent, FOLDER, token, name)
    put = await files.put(tx, user_id, path, received, type_of(name), limits=NO_LIMITS)
    await tx.emit(RecordingStored(owner.room_id, owner.actor, name, put.entry.id))
    return put.is_kept
