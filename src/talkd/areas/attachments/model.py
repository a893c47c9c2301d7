"""Shared files: their messages, and the rules for what clients send with them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from talkd.areas.files.media_model import has_preview
from talkd.areas.files.model import FORBIDDEN_CHARACTERS, MAX_NAME_BYTES, Blob, Entry, Path, parse_path
from talkd.conversation.message import FILE, OBJECT_SHARED, RECORD_AUDIO, RECORD_VIDEO, VOICE, Reference
from talkd.conversation.room import Room
from talkd.core.actor import Actor
from talkd.core.characters import is_text
from talkd.core.errors import Forbidden, Invalid, Unprocessable
from talkd.core.json import UNREADABLE

ATTACHMENTS = "Talk"
"""The folder below which everybody finds the files of rooms, as in `Talk/TOKEN/ID/name`."""
DRAFT = "Draft"
"""The folder for files that are uploaded before they are shared."""
READ, CHANGE, ALL, EVERYTHING = 1, 2, 27, 31
"""Bits of what somebody may do with a file. A participant reads a shared file. Its owner may also change, delete and
share it (ALL). Folders have another bit, 4 to create something in them, which clients also send for files."""
VOICE_TYPES = frozenset({"audio/mpeg", "audio/wav"})
"""Media types of voice messages. Others are shown as ordinary files, as clients expect."""
GONE = "{actor} shared a file which is no longer available"
MAX_FOLDER_NAME = 100
_DOTS_AND_SPACES = re.compile(r"^\.+|\s+")
MAX_DIGITS = 19
"""Digits of a number that both databases can store."""
EPOCH_YEAR = 1970
"""Times are counted from its beginning."""


class Share(msgspec.Struct, frozen=True):
    """A file in a room."""

    room_id: int
    id: int
    entry_id: int
    message_id: int
    user_id: str
    name: str
    created_at: int
    expires_at: int
    """0 for never."""


class Meta(msgspec.Struct, frozen=True):
    """What a client says about the message of a file."""

    caption: str = ""
    silent: bool = False
    reply_to: int = 0
    is_voice: bool = False
    is_recording: bool = False
    """Whether it is the recording of a call."""


def parse_meta(text: str) -> Meta:
    """Return what `talkMetaData` says. Unknown fields and types are ignored. Raises Invalid if it is no JSON object."""
    if not text:
        return Meta()
    try:
        given = msgspec.json.decode(text, type=dict[str, Any])
    except UNREADABLE as error:
        raise Invalid("talkMetaData", message="talkMetaData is not a JSON object.") from error
    caption, reply_to = given.get("caption"), str(given.get("replyTo"))
    if isinstance(caption, str) and not is_text(caption):
        raise Invalid("talkMetaData", message="The caption has a character that no text may have.")
    return Meta(
        caption if isinstance(caption, str) else "",
        given.get("silent") is True,
        int(reply_to) if reply_to.isdecimal() and len(reply_to) < MAX_DIGITS else 0,
        given.get("messageType") == "voice-message",
    )


def parse_expiry(text: str) -> int:
    """Return the end of the day of a date such as `2026-12-24`, in UTC; 0 for no date. Raises Invalid."""
    if not text:
        return 0
    try:
        end = datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
        if end.year <= EPOCH_YEAR:
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise Invalid("expireDate", message="Invalid date, date format must be YYYY-MM-DD", data=[]) from error
    return int(end.timestamp())


class Attribute(msgspec.Struct, frozen=True):
    """A property of a share that an app has made up, such as whether its file may be downloaded."""

    scope: str
    key: str
    value: bool | str | None = None
    enabled: bool | None = None
    """The name of the value in older clients."""


class Update(msgspec.Struct, frozen=True):
    """What a client wants to change about a share. Everything but the end can only stay as it is."""

    is_empty: bool = False
    """Whether the client has named nothing."""
    expires_at: int | None = None
    permissions: int | None = None
    note: str = ""
    attributes: tuple[Attribute, ...] = ()


def parse_attributes(text: str) -> tuple[Attribute, ...]:
    """Return the attributes of a share that a client has sent. Raises Invalid."""
    if not text:
        return ()
    try:
        return msgspec.json.decode(text, type=tuple[Attribute, ...] | None) or ()
    except UNREADABLE as error:
        raise Invalid("attributes", message=f'Invalid share attributes provided: "{text[:200]}"', data=[]) from error


def require_possible(wanted: Update) -> None:
    """Raises Invalid for what is never possible, and Forbidden for what is not possible in rooms."""
    if wanted.is_empty:
        raise Invalid(message="Wrong or no update parameter given", data=[])
    if wanted.permissions is not None:
        if not 0 <= wanted.permissions <= EVERYTHING:
            raise Invalid("permissions", message="Invalid permissions", data=[])
        if not wanted.permissions & READ:
            raise Invalid("permissions", message="Shares need at least Read permission", data=[])
        if wanted.permissions & CHANGE:
            raise Forbidden(message="Others can only read files in conversations.", data=[])
    if wanted.note:
        raise Forbidden(message="Shares in conversations have no note. Send a message.", data=[])
    if any(each.scope == "permissions" and False in (each.value, each.enabled) for each in wanted.attributes):
        raise Forbidden(message="Who may see a file in a conversation may download it.", data=[])


def kind_of(media_type: str, meta: Meta) -> str:
    """Return in which list of shared things a file is found."""
    if meta.is_recording:
        return "recording"
    if meta.is_voice and media_type in VOICE_TYPES:
        return "voice"
    match media_type.partition("/")[0]:
        case "image" | "video":
            return "media"
        case "audio":
            return "audio"
        case _:
            return "file"


def message_kind_of(media_type: str, meta: Meta) -> str:
    """Return the kind of the message that shows a file."""
    if meta.is_recording:
        return RECORD_AUDIO if media_type.startswith("audio/") else RECORD_VIDEO
    return VOICE if kind_of(media_type, meta) == "voice" else OBJECT_SHARED


def reference_of(entry: Entry, blob: Blob, name: str, token: str, base_url: str) -> Reference:
    """Return the file as messages show it. All values are texts, as clients expect."""
    fields = {
        "type": FILE,
        "id": str(entry.id),
        "name": name,
        "size": str(entry.size),
        "path": "/".join(shared_path(token, entry.id, name)),
        "link": f"{base_url}/index.php/f/{entry.id}",
        "etag": entry.etag,
        "permissions": str(READ),
        "mimetype": entry.media_type,
        "mtime": str(entry.modified_at),
        "preview-available": "yes" if has_preview(entry.media_type) else "no",
        "hide-download": "no",
    }
    if blob.width and blob.height:
        fields |= {"width": str(blob.width), "height": str(blob.height)}
    if blob.blurhash:
        fields["blurhash"] = blob.blurhash
    if blob.duration:
        fields["duration"] = str(blob.duration)
    return Reference(FILE, str(entry.id), name, fields)


def shared_path(token: str, entry_id: int, name: str) -> Path:
    """Return where participants of a room find a file."""
    return (ATTACHMENTS, token, str(entry_id), name)


def parse_shared_path(path: Path) -> tuple[str, int] | None:
    """Return token and file id of a path as of `shared_path`, or None for other paths."""
    if len(path) != 4 or path[0] != ATTACHMENTS or not path[2].isdecimal() or len(path[2]) > 18:
        return None
    return path[1], int(path[2])


def folder_of(parent: Path, room: Room, user: Actor) -> Path:
    """Return the folder of a user's files in a room, below their folder for attachments."""
    name = room.name or room.partner_of(user.id)
    return (*parent, _with_end(name, room.token), _with_end(user.name, _folder_name(user.id)))


def parse_draft(text: str, room: Room, user: Actor) -> Path:
    """Return the path of a draft: in a folder `Draft` in a folder as of `folder_of`, whose names may be older ones.

    Raises Unprocessable for a path to another place, and Invalid for one that is not allowed.
    """
    path = parse_path(text)
    if not is_draft(path, user.id) or not path[-4].endswith(f"-{room.token}"):
        raise Unprocessable("filePath", message="The file is not in the draft folder of the conversation.")
    return path


def is_draft(path: Path, user_id: str) -> bool:
    """Return True if something at this path is in a draft folder of a user, in any room."""
    return len(path) >= 4 and path[-2] == DRAFT and path[-3].endswith(f"-{_folder_name(user_id)}") and "-" in path[-4]


def _with_end(text: str, end: str) -> str:
    """Return the name of a folder: a text, as far as there is room for it, and an end that tells equal texts apart."""
    return f"{_folder_name(text, MAX_NAME_BYTES - len(f'-{end}'.encode()))}-{end}"


def _folder_name(text: str, most: int = MAX_NAME_BYTES) -> str:
    """Return a text as a part of the name of a folder, with `most` bytes at most."""
    for character in FORBIDDEN_CHARACTERS:
        text = text.replace(character, "-")
    return _DOTS_AND_SPACES.sub(" ", text[:MAX_FOLDER_NAME].encode()[:most].decode(errors="ignore")).strip() or "-"
