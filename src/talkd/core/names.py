"""Clean the names of users, rooms and groups.

A name has no characters that are invisible, break the line or change the reading direction, because they could make
two names look the same. It also has no pile of marks on one letter, which would cover the lines above and below it.
"""

import re
import unicodedata
from bisect import bisect_right
from string import ascii_lowercase, ascii_uppercase

from talkd.core.emoji import find_emojis, is_picture

_JOINERS = "\u200c\u200d"
"""Zero-width non-joiner and joiner. Some scripts need them between letters; elsewhere they are invisible."""
_JOINING_SCRIPTS = (
    0x0600,
    0x0E00,
    0x1000,
    0x10A0,
    0x1780,
    0x18B0,
    0x1A20,
    0x1C50,
    0xA800,
    0xA960,
    0xA980,
    0xAAE0,
    0xABC0,
    0xAC00,
    0xFB50,
    0xFE00,
    0xFE70,
    0xFF00,
    0x10A00,
    0x12000,
    0x1E900,
    0x1E960,
)
"""Blocks of the scripts that use joiners (Arabic, Indic and related ones): start, end, start, end …"""
_VIRAMA = 9
"""Combining class of the virama, after which a joiner is allowed without a following letter (RFC 5892, appendix A)."""
_SELECTORS = (
    ("\u180b", "\u180f", "MONGOLIAN "),
    ("\ufe00", "\ufe0f", "CJK "),
    ("\U000e0100", "\U000e01ef", "CJK "),
)
"""Ranges of variation selectors, with the beginning of the Unicode names of the characters that they apply to."""
_EMOJI_SELECTORS = "\ufe0e\ufe0f"
_REPEATED_SELECTORS = re.compile("([\ufe0e\ufe0f])[\ufe0e\ufe0f]+")
"""An emoji may repeat its selectors, but only the first one is visible."""
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Invisible fillers that Unicode classifies as letters or marks."""
_VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""The visible characters of the category Cf: signs that enclose digits."""
_MAX_MARKS = 8
"""Marks on one letter that are kept. Languages need fewer: Tibetan has up to 7, Hebrew and Vietnamese up to 5."""
_BLANKS = str.maketrans("\t\u2800", "  ")
"""Characters that look like a space."""


def cleaned(name: str) -> str:
    """Return the name in one line, without invisible characters, piled marks and surrounding space.

    Joiners between letters of scripts that need them stay, and so do all characters of emojis.
    """
    if name.isascii() and name.isprintable():
        return name.strip()
    return " ".join(filter(None, (_cleaned_line(line).strip() for line in name.splitlines())))


def cleaned_text(text: str) -> str:
    """Return the text with every line cleaned like a name. Line breaks and indentation stay."""
    return "\n".join(_cleaned_line(line) for line in text.splitlines()).strip()


def _cleaned_line(line: str) -> str:
    line = line.translate(_BLANKS)
    emojis = {found.start(): found.end() for found in find_emojis(line)}
    following = _following(line)
    kept: list[str] = []
    marks = position = 0
    while position < len(line):
        character, end = line[position], emojis.get(position)
        if end is not None:
            kept += _REPEATED_SELECTORS.sub(r"\1", line[position:end])
            marks = 0
        elif _is_visible(character, kept[-1] if kept else "", following[position]):
            if unicodedata.category(character) in ("Mn", "Me"):
                marks += 1
            elif character not in _JOINERS:
                marks = 0
            if marks <= _MAX_MARKS:
                kept.append(character)
        position = end or position + 1
    return "".join(kept)


def _following(line: str) -> list[str]:
    """Return for each character the next one that is visible on its own."""
    following, after = [], ""
    for character in reversed(line):
        following.append(after)
        if _is_visible(character, "", ""):
            after = character
    return following[::-1]


def _is_visible(character: str, before: str, after: str) -> bool:
    """Return True if the character is visible between these two, or changes how they look."""
    if character in _JOINERS:
        return _joins(before) and (_joins(after) or unicodedata.combining(before) == _VIRAMA)
    if character in _EMOJI_SELECTORS and is_picture(before):
        return True
    for first, last, script in _SELECTORS:
        if first <= character <= last:
            return unicodedata.name(before, "").startswith(script) if before else False
    if character in _INVISIBLE_LETTERS:
        return False
    match unicodedata.category(character):
        case "Cc" | "Co" | "Cs":
            return False
        case "Cf":
            return character in _VISIBLE_FORMATS
        case "Cn":
            return is_picture(character)  # emojis that are newer than this Python
        case _:
            return True


def _joins(character: str) -> bool:
    """Return True if it is a letter or mark of a script that uses joiners."""
    is_inside = character != "" and bisect_right(_JOINING_SCRIPTS, ord(character)) % 2 == 1
    return is_inside and unicodedata.category(character)[0] in "LM"


_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def folded(user_id: str) -> str:
    """Return a user id or e-mail address with its ASCII letters in lower case.

    Ids that only differ in this mean the same account. Other letters stay: in lower case, some of them are ASCII.
    """
    return user_id.translate(_ASCII_LOWER)
