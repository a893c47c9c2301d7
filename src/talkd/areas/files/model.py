"""Entries of folder trees, the contents of files, and the rules for names and paths."""

from fnmatch import fnmatchcase

import msgspec

from talkd.core.characters import is_text
from talkd.core.errors import Forbidden, Invalid

FOLDER = "httpd/unix-directory"
"""The media type of folders, as clients know it."""
UNKNOWN = "application/octet-stream"
MAX_NAME = 250
"""Maximum length of a name in characters."""
MAX_NAME_BYTES = 255
MAX_DEPTH = 64
"""Maximum number of folders inside each other."""
FORBIDDEN_CHARACTERS = ("\\", "/")
FORBIDDEN_NAMES = (".htaccess",)
FORBIDDEN_ENDS = (".part", ".filepart")
"""What names may not have, contain or end with, besides NUL. Clients learn it from the capabilities."""
PIECE_SIZE = 104_857_600
"""Largest size in bytes of pieces in which clients send a file, and how many they send at once. Others work."""
PARALLEL_PIECES = 5
ETAG_LENGTH = 32

Path = tuple[str, ...]
"""The names of folders from a user's root to an entry. The root is empty."""


class Entry(msgspec.Struct, frozen=True):
    """A file or folder of a user."""

    id: int
    user_id: str
    parent_id: int
    """0 for the root of a user, and below 0 while it is being deleted with all in it."""
    name: str
    blob_id: int
    """0 for a folder."""
    media_type: str
    size: int
    """Bytes of a file, or of everything in a folder."""
    etag: str
    created_at: int
    modified_at: int
    is_attachment: int
    checksum: str = ""
    """The checksum of a file that its client has sent, such as `SHA1:…`. It belongs to the entry and not to its
    contents, because nobody may learn from it that others have an equal file."""
    inside: int = 0
    """The number of files and folders in a folder, at any depth."""

    @property
    def is_folder(self) -> bool:
        """Return True if it is a folder."""
        return self.blob_id == 0

    @property
    def number(self) -> int:
        """Return the number of entries that it is, with everything in it."""
        return 1 + self.inside


class Blob(msgspec.Struct, frozen=True):
    """The contents of files, and what is known about them once `is_described` is 1."""

    id: int
    key: str
    size: int
    width: int
    height: int
    blurhash: str
    duration: int
    """Length of a sound or film in milliseconds, or 0."""
    is_described: int


class Picture(msgspec.Struct, frozen=True):
    """The uploaded picture of an account or a room, whose contents are in the same storage."""

    user_id: str
    """Empty for that of a room."""
    token: str
    """Empty for that of an account."""


class Received(msgspec.Struct, frozen=True):
    """Contents that a client has sent, which are durable in the storage under `key`."""

    key: str
    size: int
    sha256: str
    checksum: str = ""
    """The checksum that the client has sent, if it was of a known kind. It is right."""


class Limits(msgspec.Struct, frozen=True):
    """How many bytes files may have together, and how many there may be, where 0 is no limit; and their types."""

    quota: int = 0
    """For one user."""
    total: int = 0
    """For the whole server."""
    types: tuple[str, ...] = ()
    """Patterns of media types. If there are none, all types are allowed."""
    entries: int = 0
    """Files and folders of one user."""


NO_LIMITS = Limits()


def parse_path(text: str) -> Path:
    """Return a path from the text of a client, without empty names. Raises Invalid("path") if it leads elsewhere."""
    names = tuple(name for name in text.split("/") if name)
    if any(name in (".", "..") for name in names) or len(names) > MAX_DEPTH or not is_text(text):
        raise Invalid("path", message="The path is not allowed.")
    return names


def require_name(name: str) -> None:
    """Raises Invalid("name") if no new entry may have this name."""
    if not name or name in (".", "..") or not is_text(name):
        raise Invalid("name", message="The name is not allowed.")
    if len(name) > MAX_NAME or len(name.encode()) > MAX_NAME_BYTES:
        raise Invalid("name", message="The name is too long.")
    found = next((character for character in FORBIDDEN_CHARACTERS if character in name), None)
    if found is not None:
        raise Invalid("name", message=f'The name may not contain "{found}".')
    folded = name.lower()
    if folded in FORBIDDEN_NAMES or folded.endswith(FORBIDDEN_ENDS):
        raise Invalid("name", message=f'Names like "{name}" are not allowed.')


def numbered(name: str, number: int) -> str:
    """Return the name with a number before its end, such as `photo (2).jpg`."""
    stem, dot, end = name.rpartition(".")
    if not stem:
        stem, dot, end = name, "", ""
    suffix = f" ({number}){dot}{end}"
    stem = stem[: MAX_NAME - len(suffix)]
    while len(f"{stem}{suffix}".encode()) > MAX_NAME_BYTES:
        stem = stem[:-1]
    return stem + suffix


def require_type(media_type: str, limits: Limits) -> None:
    """Raises Forbidden if files may not have this type."""
    if limits.types and not any(fnmatchcase(media_type.lower(), each.lower()) for each in limits.types):
        raise Forbidden(message=f"Files of the type {media_type} are not allowed.")
