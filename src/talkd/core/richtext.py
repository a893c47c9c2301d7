"""Texts with placeholders, and durations in words."""

import re
from collections.abc import Mapping

from talkd.core.mentions import ALL

_PLACEHOLDER = re.compile(r"\{([\w\-]+)\}")


def spell_out(text: str, names: Mapping[str, str]) -> str:
    """Return the text with its placeholders replaced by names. Mentions get an @ in front.

    The mention of everybody becomes @all, not the room's name. Placeholders without a name stay as they are.
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


_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600))


def span(seconds: int) -> str:
    """Return a duration in the largest unit that fits, rounded: 1 hour, 2 weeks, 0 minutes."""
    unit, length = next(((unit, length) for unit, length in _UNITS if seconds >= length), ("minute", 60))
    count = (2 * seconds + length) // (2 * length)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def duration(seconds: int) -> str:
    """Return a duration as minutes and seconds, with hours if there are any: 0:07, 12:30, 1:05:00."""
    hours, rest = divmod(max(0, seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
