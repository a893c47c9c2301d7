"""The operation that makes conversations."""

import msgspec

from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.areas.rooms import creation_service as service
from talkd.areas.rooms import member_change_service as changes
from talkd.areas.rooms.creation_model import Picture, require_attributes
from talkd.areas.rooms.member_change_model import Newcomer, Progress
from talkd.areas.rooms.member_changes import MemberChanges
from talkd.areas.users import password_model as policy
from talkd.areas.users import passwords
from talkd.conversation.room import Attributes
from talkd.core.actor import GROUPS
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid, NotFound
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Routes

routes = Routes("conversation")

_TEAMS = ("circles", "teams")
"""Values of `source` that name a team, of which there are none; with every other value `invite` names a group."""


class CreateParams(msgspec.Struct, frozen=True):
    """A room to make."""

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
    params, actor = call.params, call.caller.actor
    if params.roomType not in (RoomType.ONE_TO_ONE, RoomType.GROUP, RoomType.PUBLIC):
        raise Invalid("type")
    if params.roomType == RoomType.ONE_TO_ONE:
        return await call.write(lambda tx: _create_one_to_one(tx, call))
    attributes = _attributes(params, call.world.settings.default_permissions)
    password_hash = await _hash_password(call) if params.roomType == RoomType.PUBLIC else ""
    group_id = "" if params.source in _TEAMS else params.invite

    newcomers = [Newcomer(GROUPS, group_id)] if group_id else []
    newcomers += [Newcomer(kind, who) for kind, people in params.participants.items() for who in dict.fromkeys(people)]

    async def work(tx: Tx) -> tuple[int, int, Progress]:
        await service.require_may_create(tx, actor.id, call.world.settings.start_conversations)
        if params.invite and not group_id:
            raise NotFound("invite")
        room, attendee_id = await service.create_room(
            tx,
            actor,
            type=RoomType(params.roomType),
            name=params.roomName,
            group_id=group_id,
            description=params.description,
            object_type=params.objectType,
            object_id=params.objectId,
            password_hash=password_hash,
            attributes=await service.restrict_attributes(tx, actor.id, attributes, call.world.settings),
            picture=Picture(params.emoji, params.avatarColor) if params.emoji else None,
        )
        most = call.world.config.sizes.attendees
        progress = await changes.add(tx, room, actor, newcomers, call.world.settings, most=most)
        if newcomers and not progress.change_id and len(progress.refused) == len(newcomers):
            raise NotFound("invite")
        return room.id, attendee_id, progress

    room_id, attendee_id, begun = await call.write(work)
    missed: dict[str, list[str]] = {}
    for newcomer, _ in (await call.world[MemberChanges].finish(begun)).refused:
        missed.setdefault(newcomer.kind, []).append(newcomer.who)
    return await call.world.db.read(lambda tx: _answer(tx, call, room_id, attendee_id, missed))


async def _answer(
    tx: Tx, call: Call[CreateParams], room_id: int, attendee_id: int, missed: dict[str, list[str]]
) -> Reply:
    return Reply(await rendering.render(tx, call, room_id, attendee_id, missed), 202 if missed else 201)


async def _hash_password(call: Call[CreateParams]) -> str:
    """Return the hash of the password of a public room, or "" without one. Raises Invalid("password").

    Other rooms have no password, so one that is given for them is ignored.
    """
    password, settings = call.params.password, call.world.settings
    policy.require_door(is_open=True, has_password=bool(password), is_forced=settings.force_passwords)
    if not password:
        return ""
    policy.require_room_password(password, call.world.config.security)
    return await passwords.hash_password(password)


async def _create_one_to_one(tx: Tx, call: Call[CreateParams]) -> Reply:
    """Talking to one other person is open to everybody, and has none of the attributes."""
    params = call.params
    partner = params.invite or next(iter(params.participants.get("users", ())), "")
    room, attendee_id, is_new = await service.create_one_to_one(tx, call.caller.actor, partner)
    if not is_new:
        call.uncount()
    return Reply(await rendering.render(tx, call, room.id, attendee_id), 201 if is_new else 200)


def _attributes(params: CreateParams, default_permissions: int) -> Attributes:
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
