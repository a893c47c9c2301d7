"""Uploads in pieces: how clients name the pieces, and in which order they make up the file."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from talkd.areas.files.model import Path
from talkd.core.errors import Invalid, NotAllowedHere

MAX_PIECES = 10_000
"""Maximum number of pieces of an upload."""
MAX_UPLOADS = 100
"""Maximum number of unfinished uploads of a user."""
LIFETIME = 86_400
"""Seconds without a request after which an unfinished upload is deleted."""
MAX_NAME = 250
"""Maximum length of the name of an upload in characters."""
WHOLE = ".file"
"""The name in an upload's folder under which clients move the file to its place."""
_RANGE = re.compile("([0-9]{1,19})-([0-9]{1,19})")
_NUMBER = re.compile("[0-9]{1,19}")


CLAIMED = 60
"""Seconds for which a request may make an upload a file without renewing its claim."""


class Upload(msgspec.Struct, frozen=True):
    """An upload that is not finished."""

    id: int
    user_id: str
    name: str
    size: int
    """Bytes of all pieces."""
    pieces: int
    active_at: int
    assembly: str
    """The claim of the request that makes it a file, or that did last."""
    assembled_until: int


class Piece(msgspec.Struct, frozen=True):
    """A piece of an upload. `key` is its place in the storage."""

    name: str
    key: str
    size: int
    etag: str


def require_upload_path(path: Path) -> str:
    """Return the name of the upload whose folder is at a path. Raises NotAllowedHere for other paths."""
    if len(path) != 1 or len(path[0]) > MAX_NAME:
        raise NotAllowedHere(message="Uploads in pieces are folders in the folder of their user.")
    return path[0]


def require_piece_path(path: Path) -> tuple[str, str]:
    """Return the names of the upload and of the piece at a path. Raises NotAllowedHere, and Invalid for the name."""
    if len(path) != 2 or path[1] == WHOLE:
        raise NotAllowedHere(message="Only pieces can be put into the folder of an upload.")
    upload, piece = path
    if not _RANGE.fullmatch(piece) and not _NUMBER.fullmatch(piece):
        raise Invalid("name", message="The name of a piece is its number, or its first and last byte.")
    return upload, piece


def require_whole_path(path: Path) -> str:
    """Return the name of the upload whose file is at a path. Raises NotAllowedHere for other paths."""
    if len(path) != 2 or path[1] != WHOLE:
        raise NotAllowedHere(message=f"Only the file {WHOLE} of an upload can be moved.")
    return path[0]


def in_order(pieces: Iterable[Piece]) -> list[Piece]:
    """Return the pieces in the order of their contents. Raises Invalid if one is missing, or if two overlap.

    Numbers begin with 0 or 1. The first byte in a name is where the pieces before it end. The last byte belongs to the
    piece in some clients, and not in others: Android does both, and names the last piece up to the size of the file.
    """
    found = list(pieces)
    ranges = [_RANGE.fullmatch(piece.name) for piece in found]
    if not any(ranges):
        return _by_number(found)
    bounds = [(int(each[1]), int(each[2])) for each in ranges if each is not None]
    if len(bounds) != len(found):
        raise Invalid("pieces", message="The pieces are named in two ways.")
    # An empty piece comes before the piece with contents that begins at the same byte.
    ordered = sorted(zip(bounds, found, strict=True), key=lambda each: (each[0][0], each[1].size))
    at = 0
    for (start, end), piece in ordered:
        if start != at or end - start not in (piece.size, piece.size - 1):
            raise Invalid("pieces", message=f"The piece {piece.name} does not begin or end where the others say.")
        at += piece.size
    return [piece for _, piece in ordered]


def _by_number(pieces: Sequence[Piece]) -> list[Piece]:
    ordered = sorted(pieces, key=lambda piece: int(piece.name))
    first = int(ordered[0].name) if ordered else 0
    if first > 1 or any(int(piece.name) != number for number, piece in enumerate(ordered, first)):
        raise Invalid("pieces", message="A piece of the upload is missing.")
    return ordered
