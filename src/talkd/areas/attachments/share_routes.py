"""The sharing API of the apps: a share of type 10 sends a file to a room."""

import msgspec

from talkd.areas.attachments import share_service, view
from talkd.areas.attachments.model import Update, parse_attributes, parse_expiry, parse_meta
from talkd.areas.attachments.view import ROOM, ShareView, SuggestionsView, shares, suggestions
from talkd.areas.files.contents import Contents
from talkd.areas.pictures.describing import ensure_described
from talkd.core.errors import Invalid
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import require_login_still
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Routes

routes = Routes("files", base="/apps/files_sharing/api")
V1 = ("v1",)
MAX_SHARES = 200


class CreateParams(msgspec.Struct, frozen=True):
    """A file of the caller and the room. `talkMetaData` is a JSON object about the message."""

    path: str = ""
    shareType: int = -1
    shareWith: str = ""
    referenceId: str = ""
    talkMetaData: str = ""
    expireDate: str = ""


class UpdateParams(msgspec.Struct, frozen=True):
    """A share, and what is set: its last day, such as 2026-12-24 (empty for no end), or what clients send with that.

    `permissions`: the sum of 1 read, 2 change, 4 create, 8 delete, 16 share. `attributes`: a list as JSON text. The
    others are known from shares of other types, and mean nothing for rooms.
    """

    id: int
    expireDate: str | None = None
    permissions: int | None = None
    note: str | None = None
    attributes: str | None = None
    label: str | None = None
    hideDownload: str | None = None
    password: str | None = None
    publicUpload: str | None = None
    sendPasswordByTalk: str | None = None
    sendMail: str | None = None


class ListParams(msgspec.Struct, frozen=True):
    """Which shares: those of a file, those that others have sent to the caller, or all of the caller's own."""

    path: str = ""
    shared_with_me: bool = False


class ShareParams(msgspec.Struct, frozen=True):
    """The id of a share."""

    id: int


class SearchParams(msgspec.Struct, frozen=True):
    """What to find among the rooms of the caller."""

    search: str = ""
    itemType: str = ""
    shareType: list[int] = msgspec.field(default_factory=lambda: [ROOM])
    perPage: int = 25


@routes.add(
    "POST", "shares", Guard.USER, versions=V1, params=CreateParams, access=Access.OWN, returns=ShareView, errors=(403,)
)
async def create(call: Call[CreateParams]) -> ShareView:
    """Share a file in a room, with a message that shows it."""
    params = call.params
    if params.shareType != ROOM:
        raise Invalid(message="Unknown share type", data=[])
    meta, expires_at = parse_meta(params.talkMetaData), parse_expiry(params.expireDate)
    found = await call.world.db.read(lambda tx: share_service.access_sendable(tx, call.caller.actor, params.path))
    await ensure_described(call.world, *found)

    async def work(tx: Tx) -> share_service.Shown:
        await require_login_still(tx, call)
        return await share_service.share(
            tx,
            call.caller.actor,
            params.path,
            params.shareWith,
            meta,
            before_writing=call.world.before_writing,
            limits=call.world[Contents].limits,
            reference_id=params.referenceId,
            base_url=call.base_url,
            expires_at=expires_at,
        )

    return shares([await call.world.db.write(work, queue=params.shareWith)], call.caller.actor)[0]


@routes.add("GET", "shares", Guard.USER, versions=V1, params=ListParams, returns=list[ShareView])
async def list_shares(tx: Tx, call: Call[ListParams]) -> list[ShareView]:
    """List shares."""
    params = call.params
    if params.shared_with_me:
        return shares(await share_service.list_received(tx, call.caller.actor, MAX_SHARES), call.caller.actor)
    if params.path:
        return shares(await share_service.list_of_path(tx, call.user_id, params.path), call.caller.actor)
    return shares(await share_service.list_own(tx, call.user_id, MAX_SHARES), call.caller.actor)


@routes.add("GET", "shares/{id}", Guard.USER, versions=V1, params=ShareParams, returns=list[ShareView])
async def get(tx: Tx, call: Call[ShareParams]) -> list[ShareView]:
    """Get a share, in a list of one."""
    return shares([await share_service.access_own(tx, call.user_id, call.params.id)], call.caller.actor)


@routes.add(
    "PUT", "shares/{id}", Guard.USER, versions=V1, params=UpdateParams, returns=ShareView, errors=(400, 403, 404)
)
async def update(tx: Tx, call: Call[UpdateParams]) -> ShareView:
    """Set the last day of a share. Its permissions are always to read, and it has no note and no attributes."""
    params = call.params
    given = [getattr(params, name) for name in params.__struct_fields__ if name != "id"]
    changed = await share_service.update(
        tx,
        call.user_id,
        params.id,
        Update(
            is_empty=all(each is None for each in given),
            expires_at=None if params.expireDate is None else parse_expiry(params.expireDate),
            permissions=params.permissions,
            note=params.note or "",
            attributes=parse_attributes(params.attributes or ""),
        ),
    )
    return view.share(changed, call.caller.actor)


@routes.add("DELETE", "shares/{id}", Guard.USER, versions=V1, params=ShareParams)
async def remove(tx: Tx, call: Call[ShareParams]) -> None:
    """End a share. Its message says that the file is no longer available."""
    await share_service.end_own(tx, call.user_id, call.params.id)


@routes.add("GET", "sharees", Guard.USER, versions=V1, params=SearchParams, returns=SuggestionsView)
async def search(tx: Tx, call: Call[SearchParams]) -> SuggestionsView:
    """Find rooms to share in."""
    if ROOM not in call.params.shareType:
        return suggestions([], "")
    limit = max(1, min(call.params.perPage, MAX_SHARES))
    return suggestions(await share_service.find_rooms(tx, call.user_id, call.params.search, limit), call.params.search)


@routes.add("GET", "sharees_recommended", Guard.USER, versions=V1, params=NoParams, returns=SuggestionsView)
async def recommend(tx: Tx, call: Call[NoParams]) -> SuggestionsView:
    """List the rooms that the caller was last active in."""
    return suggestions(await share_service.find_rooms(tx, call.user_id, "", 5), "")
