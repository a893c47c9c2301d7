"""Colours for text and buttons, derived from one main colour so that they are readable (WCAG 2.2)."""

import re

READABLE = 4.5
"""Minimum contrast of text (WCAG 2.2, level AA)."""
FALLBACK = "#0a6b5c"
_FORM = re.compile(r"#[0-9a-fA-F]{6}")

Rgb = tuple[int, int, int]


def valid(color: str) -> str:
    """Return the colour in lower case, or FALLBACK if it does not have the form #rrggbb."""
    return color.lower() if _FORM.fullmatch(color) else FALLBACK


def text_on(color: str) -> str:
    """Return black or white, whichever has more contrast with the colour."""
    return "#ffffff" if contrast(color, "#ffffff") >= contrast(color, "#000000") else "#000000"


def readable_on(color: str, background: str) -> str:
    """Return the colour, made darker or lighter until text in it is readable on the background."""
    extreme = text_on(background)
    for step in range(21):
        mixed = mix(color, extreme, step / 20)
        if contrast(mixed, background) >= READABLE:
            return mixed
    return extreme


def mix(color: str, other: str, share: float) -> str:
    """Return `color` mixed with a share (0 to 1) of `other`."""
    pairs = zip(_rgb(color), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def _rgb(color: str) -> Rgb:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: Rgb) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
