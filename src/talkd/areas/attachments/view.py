"""Shares as JSON, with the names of the sharing API."""

from datetime import UTC, datetime

import msgspec

from talkd.areas.attachments.model import ALL, READ
from talkd.areas.attachments.share_service import Shown
from talkd.areas.files.media_model import has_preview
from talkd.core.actor import Actor

ROOM = 10
"""The share type of rooms, the only one that exists here."""


class ShareView(msgspec.Struct, frozen=True):
    """A share. Clients of files expect all of these fields."""

    id: str
    share_type: int
    uid_owner: str
    displayname_owner: str
    permissions: int
    can_edit: bool
    can_delete: bool
    stime: int
    parent: None
    expiration: str | None
    token: str
    uid_file_owner: str
    note: str
    label: str
    displayname_file_owner: str
    path: str
    item_type: str
    item_permissions: int
    mimetype: str
    has_preview: bool
    storage_id: str
    storage: int
    item_source: int
    file_source: int
    file_parent: int
    file_target: str
    item_size: int
    item_mtime: int
    share_with: str
    share_with_displayname: str
    share_with_link: str
    mail_send: int
    hide_download: int
    attributes: None


def shares(found: list[Shown], viewer: Actor) -> list[ShareView]:
    """Show shares to one of those who may read the files."""
    return [share(each, viewer) for each in found]


def share(shown: Shown, viewer: Actor) -> ShareView:
    """Show a share to somebody who may read the file."""
    owner_id, is_own = shown.share.user_id, shown.share.user_id == viewer.id
    entry, path = shown.entry, "/" + "/".join(shown.path)
    return ShareView(
        id=str(shown.share.id),
        share_type=ROOM,
        uid_owner=owner_id,
        displayname_owner=shown.owner_name,
        permissions=1,
        can_edit=is_own,
        can_delete=is_own,
        stime=shown.share.created_at,
        parent=None,
        expiration=_day_of(shown.share.expires_at),
        token=shown.token,
        uid_file_owner=owner_id,
        note="",
        label="",
        displayname_file_owner=shown.owner_name,
        path=path,
        item_type="file",
        item_permissions=ALL if is_own else READ,
        mimetype=entry.media_type,
        has_preview=has_preview(entry.media_type),
        storage_id=f"home::{owner_id}",
        storage=1,
        item_source=entry.id,
        file_source=entry.id,
        file_parent=entry.parent_id,
        file_target=path,
        item_size=entry.size,
        item_mtime=entry.modified_at,
        share_with=shown.token,
        share_with_displayname=shown.room_name,
        share_with_link=f"/call/{shown.token}",
        mail_send=0,
        hide_download=0,
        attributes=None,
    )


def _day_of(expires_at: int) -> str | None:
    """Return the last day of a share, as clients expect it."""
    if not expires_at:
        return None
    return datetime.fromtimestamp(expires_at - 1, UTC).strftime("%Y-%m-%d 00:00:00")


class SuggestionValue(msgspec.Struct, frozen=True):
    """What is shared with."""

    shareType: int
    shareWith: str


class Suggestion(msgspec.Struct, frozen=True):
    """A room to share in."""

    label: str
    value: SuggestionValue


Exact = dict[str, list[Suggestion]]


class SuggestionsView(msgspec.Struct, frozen=True):
    """Rooms whose names are the search, and others. There are no other kinds, but clients read their lists."""

    exact: Exact
    rooms: list[Suggestion]
    users: list[Suggestion] = []
    groups: list[Suggestion] = []
    remotes: list[Suggestion] = []
    remote_groups: list[Suggestion] = []
    emails: list[Suggestion] = []
    circles: list[Suggestion] = []
    lookup: list[Suggestion] = []
    lookupEnabled: bool = False


def suggestions(found: list[tuple[str, str]], search: str) -> SuggestionsView:
    """Show rooms, given as token and name."""
    every = [Suggestion(name, SuggestionValue(ROOM, token)) for token, name in found]
    exact = [each for each in every if each.label.lower() == search.lower()]
    empty: Exact = {kind: [] for kind in ("users", "groups", "remotes", "remote_groups", "emails", "circles")}
    return SuggestionsView({**empty, "rooms": exact}, [each for each in every if each not in exact])
