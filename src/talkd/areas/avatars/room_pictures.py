"""Icons and emojis of rooms as SVG."""

from html import escape

from talkd.areas.avatars.room_model import EmojiPicture

_LIGHT, _DARK = "dbdbdb", "3b3b3b"
_INK, _DARK_INK = "6b6b6b", "c4c4c4"
_BEHIND_EMOJI, _DARK_BEHIND_EMOJI = "6B6B6B", "3B3B3B"

_PERSON = '<circle cx="256" cy="196" r="72"/><path d="M116 400a140 112 0 0 1 280 0z"/>'
_ICONS = {
    "person": _PERSON,
    "group": (
        '<circle cx="196" cy="204" r="58"/><path d="M84 376a112 96 0 0 1 224 0z"/>'
        '<circle cx="338" cy="214" r="46"/><path d="M332 376a136 120 0 0 0-34-88 92 82 0 0 1 132 88z"/>'
    ),
    "public": (
        '<g fill="none" stroke="{ink}" stroke-width="36" stroke-linecap="round">'
        '<path d="M232 204h-44a52 52 0 0 0 0 104h44M280 204h44a52 52 0 0 1 0 104h-44M206 256h100"/></g>'
    ),
    "note": (
        '<path d="M164 128h184a20 20 0 0 1 20 20v156l-80 80H164a20 20 0 0 1-20-20V148a20 20 0 0 1 20-20z"/>'
        '<path fill="{paper}" d="M184 184h144v24H184zm0 56h144v24H184zm0 56h80v24h-80z"/>'
    ),
    "news": '<path d="M136 220v72h56l120 72V148l-120 72zM344 208a64 64 0 0 1 0 96z"/>',
    "event": (
        '<path d="M148 148h216a20 20 0 0 1 20 20v200a20 20 0 0 1-20 20H148a20 20 0 0 1-20-20V168a20 20 0 0 1 20-20z"/>'
        '<path fill="{paper}" d="M156 216h200v144H156z"/>'
        '<path d="M184 116h28v56h-28zm116 0h28v56h-28zM280 288h52v48h-52z"/>'
    ),
    "phone": (
        '<path d="M180 132l52 76-32 36a172 172 0 0 0 68 68l36-32 76 52c4 32-24 60-60 60-100 0-200-100-200-200 '
        '0-36 28-64 60-60z"/>'
    ),
}
"""SVG shapes on a square of 512 units, by icon. `{ink}` is their colour, `{paper}` the background."""


def icon(kind: str, *, dark: bool) -> bytes:
    """Return the icon of a kind of room."""
    ink, paper = (_DARK_INK, _DARK) if dark else (_INK, _LIGHT)
    shapes = _ICONS[kind].format(ink=f"#{ink}", paper=f"#{paper}")
    return _square(paper, f'<g fill="#{ink}">{shapes}</g>')


def emoji(picture: EmojiPicture, *, dark: bool) -> bytes:
    """Return an emoji on its colour, or on the theme's grey."""
    fonts = "'Noto Color Emoji','Apple Color Emoji','Segoe UI Emoji',sans-serif"
    text = (
        f'<text x="256" y="256" font-size="256" font-family="{fonts}" text-anchor="middle" '
        f'dominant-baseline="central">{escape(picture.emoji)}</text>'
    )
    color = picture.color or (_DARK_BEHIND_EMOJI if dark else _BEHIND_EMOJI)
    return _square(color, text if picture.emoji else "")


def _square(color: str, shapes: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512" viewBox="0 0 512 512">'
        f'<rect width="512" height="512" fill="#{color}"/>{shapes}</svg>'
    ).encode()
