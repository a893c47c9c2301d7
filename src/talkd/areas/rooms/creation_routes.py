"""The operation that creates rooms."""

from collections.abc import Awaitable
from typing import Any, Protocol

import msgspec

from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms.creation_model import Created, NewRoom, Picture, require_attributes
from talkd.areas.rooms.member_changes import MemberChanges
from talkd.areas.rooms.member_model import Newcomer
from talkd.areas.rooms.setting_routes import hash_room_password
from talkd.conversation.room import Attributes
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import require_login_still
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Routes

routes = Routes("conversation")


class CreateParams(msgspec.Struct, frozen=True):
    """The room to create.

    `invite` names a user in a one-to-one. Otherwise it names a group, or a team if `source` says so.
    """

    roomType: int = RoomType.GROUP
    invite: str = ""
    roomName: str = ""
    source: str = ""
    objectType: str = ""
    objectId: str = ""
    password: str = ""
    readOnly: int = 0
    listable: int = 0
    messageExpiration: int = 0
    lobbyState: int = 0
    lobbyTimer: int | None = None
    sipEnabled: int = 0
    permissions: int = 0
    recordingConsent: int = 0
    mentionPermissions: int = 0
    description: str = ""
    emoji: str | None = None
    avatarColor: str | None = None
    participants: dict[str, list[str]] = msgspec.field(default_factory=dict)


@routes.add(
    "POST",
    "room",
    Guard.USER,
    versions=("v4",),
    params=CreateParams,
    access=Access.OWN,
    limit=Limit.ROOMS,
    returns=RoomView,
)
async def create_room(call: Call[CreateParams]) -> Reply:
    """Create a conversation."""
    return await create(call, rendering.render)


class Render(Protocol):
    """Returns what the answer shows of the new room, in the last transaction. `missed`: see `rendering.render`."""

    def __call__(
        self, tx: Tx, call: Call[Any], room_id: int, attendee_id: int, *, missed: dict[str, list[str]] | None = None
    ) -> Awaitable[Any]: ...


async def create(call: Call[CreateParams], render: Render) -> Reply:
    """Create a room."""
    if call.params.roomType == RoomType.ONE_TO_ONE:
        return await call.write(lambda tx: _create_one_to_one(tx, call, render))
    if call.params.roomType in (RoomType.GROUP, RoomType.PUBLIC):
        return await _create_shared(call, render)
    raise Invalid("type")


async def _create_one_to_one(tx: Tx, call: Call[CreateParams], render: Render) -> Reply:
    """Create or find a one-to-one. All parameters but the partner are ignored."""
    params = call.params
    partner = params.invite or next(iter(params.participants.get("users", ())), "")
    room_id, attendee_id, is_new = await creation.create_one_to_one(tx, call.caller.actor, partner)
    if not is_new:
        call.uncount()
    return Reply(await render(tx, call, room_id, attendee_id), 201 if is_new else 200)


async def _create_shared(call: Call[CreateParams], render: Render) -> Reply:
    """Create a group or public room. The answer lists the people who could not be added, with status 202."""
    new, actor, talk_settings = await _read_room(call), call.caller.actor, call.world.talk_settings
    most = call.world.config.sizes.attendees

    async def work(tx: Tx) -> Created:
        await require_login_still(tx, call)  # it may have ended during the hashing
        return await creation.create_shared(tx, actor, new, talk_settings, most=most)

    created = await call.write(work)
    progress = await call.world[MemberChanges].finish(created.progress)
    missed: dict[str, list[str]] = {}
    for newcomer, _ in progress.refused:
        missed.setdefault(newcomer.kind, []).append(newcomer.who)
    shown = await call.world.db.read(lambda tx: render(tx, call, created.room.id, created.attendee_id, missed=missed))
    return Reply(shown, 202 if missed else 201)


async def _read_room(call: Call[CreateParams]) -> NewRoom:
    """Return the room that the parameters describe. Raises Invalid with the reason.

    Only public rooms have a password: one that is given for another room is ignored.
    """
    params = call.params
    attributes = _read_attributes(params, call.world.talk_settings.default_permissions)
    is_public = params.roomType == RoomType.PUBLIC
    return NewRoom(
        type=RoomType(params.roomType),
        name=params.roomName,
        description=params.description,
        object_type=params.objectType,
        object_id=params.objectId,
        password_hash=await hash_room_password(call, params.password, is_public=True) if is_public else "",
        attributes=attributes,
        picture=Picture(params.emoji, params.avatarColor) if params.emoji else None,
        invited=params.invite,
        source=params.source,
        newcomers=tuple(
            Newcomer(kind, who) for kind, people in params.participants.items() for who in dict.fromkeys(people)
        ),
    )


def _read_attributes(params: CreateParams, default_permissions: int) -> Attributes:
    return require_attributes(
        read_only=params.readOnly,
        listable=params.listable,
        lobby_state=params.lobbyState,
        lobby_timer=params.lobbyTimer or 0,
        sip_enabled=params.sipEnabled,
        message_expiration=params.messageExpiration,
        permissions=params.permissions or default_permissions,
        mention_permissions=params.mentionPermissions,
        recording_consent=params.recordingConsent,
    )
