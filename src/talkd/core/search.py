"""Compare texts in a search, ignoring case, accents and Unicode normalisation forms."""

import re
import unicodedata

_ACCENTS = re.compile("[\u0300-\u036f]")
"""The combining marks of Latin, Greek and Cyrillic letters. In other scripts a mark changes the letter."""
MAX_MARKS = 30
"""Combining marks of one letter that are compared. 30 are enough for every language (Unicode, UAX #15)."""


def searchable(text: str) -> str:
    """Return the text as searches compare it: without case and accents, in composed form.

    The SQL function `search_fold` does the same.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", _with_few_marks(text))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed)).casefold()


def _with_few_marks(text: str) -> str:
    """Return the text without marks beyond MAX_MARKS, because the time of normalisation grows with their square."""
    if len(text) <= MAX_MARKS:
        return text
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def like_pattern(text: str) -> str:
    """Return the LIKE pattern with which `search_fold(column)` matches if the column contains the text.

    A backslash escapes wildcards.
    """
    escaped = searchable(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def find(text: str, term: str) -> int:
    """Return the position of the term in the original text, or -1 if it is not in the text."""
    position = searchable(text).find(searchable(term))
    if position <= 0 or text.isascii():
        return position
    passed = 0
    for index, character in enumerate(text):
        if passed >= position:
            return index
        passed += len(searchable(character))
    return len(text)
