"""The sizes of previews. Only a few are made, so that nobody can fill the storage with them."""

import msgspec

from talkd.areas.pictures.model import Preview

STEPS = (64, 128, 256, 512, 1024, 2048)
"""Lengths of sides in pixels, to which wanted ones are rounded up."""
DEFAULT = 32
"""Pixels of a side that a client does not name."""


class Wanted(msgspec.Struct, frozen=True):
    """The preview that a client wants."""

    width: int
    height: int
    """Below 1, a side has the length that follows from the other one."""
    keeps_ratio: bool
    """Whether the whole picture is shown. Otherwise its middle is cut out in the ratio of the sides."""
    covers: bool
    """Whether a whole picture covers the wanted size. Otherwise it fits into it."""
    is_webp: bool


class Stored(msgspec.Struct, frozen=True):
    """A preview in the storage."""

    key: str
    media_type: str
    size: int


def step_of(length: float) -> int:
    """Return the step to which a length is rounded up, or the largest one."""
    return next((step for step in STEPS if step >= length), STEPS[-1])


def choose_preview(width: int, height: int, wanted: Wanted) -> Preview:
    """Return the preview to make of a picture with these sides, which are 1 at least."""
    box_width = wanted.width if wanted.width > 0 else wanted.height * width / height
    box_height = wanted.height if wanted.height > 0 else wanted.width * height / width
    if not wanted.keeps_ratio:
        across, down = step_of(min(box_width, width)), step_of(min(box_height, height))
        return Preview(across, down, True, wanted.is_webp)
    factors = box_width / width, box_height / height
    factor = min(1, max(factors) if wanted.covers else min(factors))
    side = step_of(max(width, height) * factor)
    return Preview(side, side, False, wanted.is_webp)


def form_of(preview: Preview) -> str:
    """Return the text that names a preview of certain contents."""
    cut, kind = "cut" if preview.is_cut else "whole", "webp" if preview.is_webp else "other"
    return f"{preview.width}x{preview.height} {cut} {kind}"
