"""From one main colour to those that text and buttons need to be readable (WCAG 2.2, contrast 4.5 : 1)."""

import re

READABLE = 4.5
FALLBACK = "#0a6b5c"
_FORM = re.compile(r"#[0-9a-fA-F]{6}")

Rgb = tuple[int, int, int]


def valid(color: str) -> str:
    """The colour as #rrggbb; the built-in one when it has another form."""
    return color.lower() if _FORM.fullmatch(color) else FALLBACK


def text_on(color: str) -> str:
    """Black or white, whichever reads better on the colour."""
    return "#ffffff" if contrast(color, "#ffffff") >= contrast(color, "#000000") else "#000000"


def readable_on(color: str, ground: str) -> str:
    """The colour, made darker or lighter as far as it takes to be read on `ground`."""
    towards = text_on(ground)
    for step in range(21):
        mixed = mix(color, towards, step / 20)
        if contrast(mixed, ground) >= READABLE:
            return mixed
    return towards


def mix(color: str, other: str, share: float) -> str:
    """`color` with that share (0 to 1) of `other` in it."""
    pairs = zip(_rgb(color), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def _rgb(color: str) -> Rgb:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: Rgb) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
