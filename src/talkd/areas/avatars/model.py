"""Pictures of people: which sizes there are, and what stands on a picture that nobody uploaded."""

import hashlib
import unicodedata

import msgspec

SMALL = 64
LARGE = 512
MAX_DRAWN_NAME = 64
"""Characters of a name that a picture depends on."""
MAX_FILE = 20 * 1024 * 1024
"""Bytes of an uploaded picture at most."""
MAX_PIXELS = 32_000_000
"""Pixels of an uploaded picture at most: a small file can unfold into gigabytes."""
MAX_WEBP_PIXELS = 24_000_000
"""Pixels of a WebP at most: its decoder keeps several copies of the picture in memory."""
MAX_SIDE = 16_384
"""Pixels of each side at most: every row takes memory of its own, however short it is."""


class Portrait(msgspec.Struct, frozen=True):
    """What is known of somebody's picture. `version` changes whenever the picture does."""

    user_id: str
    display_name: str
    version: int
    is_custom: bool


class Sketch(msgspec.Struct, frozen=True):
    """A picture to draw: two people with the same sketch look the same."""

    letters: str
    """At most two; empty when the name has none that can be drawn."""
    hue: float
    """From 0 to 1."""
    dark: bool
    size: int

    @property
    def tag(self) -> str:
        """Names the picture for caches."""
        return f"{self.letters}-{self.hue:.4f}-{int(self.dark)}-{self.size}"


def size_of(wanted: str) -> int | None:
    """The size that is served for a wanted one; None when that is no number."""
    if not (wanted.isascii() and wanted.isdigit()):
        return None
    return SMALL if len(wanted) < 5 and int(wanted) <= SMALL else LARGE


def sketch(id_: str, name: str, *, dark: bool, size: int) -> Sketch:
    """The picture of somebody without one: initials of the name, a colour by the id."""
    digest = hashlib.sha256(id_.encode()).digest()
    return Sketch(initials(name), int.from_bytes(digest[:2], "big") / 65_536, dark, size)


def sketch_of_name(name: str, *, dark: bool, size: int) -> Sketch:
    """The picture of a name, whether somebody is called that or not.

    It differs from that of an account with the same name, or how fast it is drawn would show whether there is one.
    """
    name = name[:MAX_DRAWN_NAME]
    return sketch(f"name {name}", name, dark=dark, size=size)


def initials(name: str) -> str:
    """First letters of the first and the last word, as far as the font has them (Latin, without accents)."""
    words = [word for word in (_drawable(part) for part in name.split()) if word]
    if not words:
        return ""
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def _drawable(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word)
    return "".join(c for c in plain if c.isascii() and c.isalnum()) if plain[:1].isascii() else ""
