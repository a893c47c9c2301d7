"""Messages with placeholders, and the mentions in what people write."""

import re
from collections.abc import Mapping

MENTION = re.compile(
    r"""(?<![\w\-@.])@(?:"(?P<quoted>[^"\r\n]{1,300})"|(?P<plain>[\w.\-]{1,64}(?:@[\w.\-]{1,190})?(?![\w@])))"""
)
"""`@name`, or `@"anything"` for names with spaces and for what is not a user (api-surface.md, E)."""

ALL = "all"
_KINDS = (
    ("guest/", "guests"),
    ("email/", "emails"),
    ("group/", "groups"),
    ("user-group/", "groups"),
    ("federated_user/", "federated_users"),
    ("team/", "circles"),
    ("circle/", "circles"),
)


def find_mentions(text: str) -> list[tuple[str, str]]:
    """Kind and id of everything mentioned, each once: kinds are actor types, or `all` for everybody.

    Longer names come first, because that is the order in which clients number them (recording `chat/mentions`).
    """
    if "@" not in text:
        return []
    found: dict[tuple[str, str], int] = {}
    for match in MENTION.finditer(text):
        name = _name_of(match)
        found.setdefault(_target(name), len(name))
    return sorted(found, key=lambda target: -found[target])


def replace_mentions(text: str, placeholders: dict[tuple[str, str], str]) -> str:
    """The text with `{placeholder}` for each mention that has one; the others stay as they were written."""

    def put(match: re.Match[str]) -> str:
        placeholder = placeholders.get(_target(_name_of(match)))
        return match[0] if placeholder is None else "{" + placeholder + "}"

    return MENTION.sub(put, text)


_PLACEHOLDER = re.compile(r"\{([\w\-]+)\}")


def spell_out(text: str, names: Mapping[str, str]) -> str:
    """The text with `names` in the places of their placeholders, behind an @ where somebody is mentioned.

    Everybody is mentioned by @all, whatever the room is called. Placeholders without a name stay as they are.
    """

    def put(match: re.Match[str]) -> str:
        key = match[1]
        name = names.get(key)
        if name is None:
            return match[0]
        if key.startswith("mention-call"):
            return f"@{ALL}"
        return f"@{name}" if key.startswith("mention-") else name

    return _PLACEHOLDER.sub(put, text)


def _name_of(match: re.Match[str]) -> str:
    name: str = match["quoted"] or match["plain"]
    return name if match["quoted"] else name.rstrip(".")


def _target(name: str) -> tuple[str, str]:
    if name == ALL:
        return ALL, ALL
    for prefix, kind in _KINDS:
        if name.startswith(prefix) and len(name) > len(prefix):
            return kind, name if kind in ("guests", "emails") else name[len(prefix) :]
    return "users", name


_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600))


def span(seconds: int) -> str:
    """A length of time in the largest unit that fits, rounded: 1 hour, 2 weeks, 0 minutes."""
    unit, length = next(((unit, length) for unit, length in _UNITS if seconds >= length), ("minute", 60))
    count = (2 * seconds + length) // (2 * length)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def duration(seconds: int) -> str:
    """Minutes and seconds, with hours in front when there are any: 0:07, 12:30, 1:05:00."""
    hours, rest = divmod(max(0, seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
