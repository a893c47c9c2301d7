"""Pictures of accounts and guests: their sizes and limits, and what is drawn if none was uploaded."""

import enum
import hashlib
import unicodedata

import msgspec

SMALL = 64
LARGE = 512
MAX_DRAWN_NAME = 64
"""Number of characters of a name that a drawn picture depends on."""
MAX_FILE = 20 * 1024 * 1024
"""Maximum size of an uploaded picture in bytes."""


OwnerId = str | int
"""The id of an account or room with a picture."""


class Owner(enum.StrEnum):
    """Who has an uploaded picture."""

    USER = "user"
    ROOM = "room"


class Uploaded(msgspec.Struct, frozen=True):
    """Where an uploaded picture is: in the storage of files or, as older versions of talkd did it, in the database."""

    key: str
    """Its key in the storage. Empty if it is in the database."""
    size: int
    image: bytes = b""
    """The picture itself if it is in the database, unless only its place was read."""


class Portrait(msgspec.Struct, frozen=True):
    """The account data that its picture depends on. `version` changes whenever the picture does."""

    user_id: str
    display_name: str
    version: int
    uploaded: Uploaded | None


class Sketch(msgspec.Struct, frozen=True):
    """Everything that a drawn picture depends on."""

    letters: str
    """At most two letters. Empty if the name has none that the font can draw."""
    hue: float
    """From 0 to 1."""
    dark: bool
    size: int

    @property
    def tag(self) -> str:
        """Return the text that identifies the picture in caches."""
        return f"{self.letters}-{self.hue:.4f}-{int(self.dark)}-{self.size}"


def size_of(wanted: str) -> int | None:
    """Return the size in which a picture is served for a requested size, or None if that is not a number."""
    if not (wanted.isascii() and wanted.isdigit()):
        return None
    return SMALL if len(wanted) < 5 and int(wanted) <= SMALL else LARGE


def sketch(id_: str, name: str, *, dark: bool, size: int) -> Sketch:
    """Return the picture of an account without an uploaded one: the initials of its name on a colour for its id."""
    digest = hashlib.sha256(id_.encode()).digest()
    return Sketch(initials(name), int.from_bytes(digest[:2], "big") / 65_536, dark, size)


def sketch_of_name(name: str, *, dark: bool, size: int) -> Sketch:
    """Return the picture of a name, whether it belongs to an account or not.

    It differs from the picture of an account with this name. Otherwise a picture that comes from the cache would
    reveal that there is such an account.
    """
    name = name[:MAX_DRAWN_NAME]
    return sketch(f"name {name}", name, dark=dark, size=size)


def initials(name: str) -> str:
    """Return the first letters of the first and last word that begin with a Latin letter or a digit."""
    words = [word for word in (_drawable(part) for part in name.split()) if word]
    if not words:
        return ""
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def _drawable(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word)
    return "".join(c for c in plain if c.isascii() and c.isalnum()) if plain[:1].isascii() else ""
