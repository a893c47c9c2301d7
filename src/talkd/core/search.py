"""What counts as the same text when somebody searches: whatever the case, the accents and the form of Unicode."""

import re
import unicodedata

_ACCENTS = re.compile("[\u0300-\u036f]")
"""The combining marks of Latin, Greek and Cyrillic letters. The marks of other scripts are letters of their own."""
MAX_MARKS = 30
"""Combining marks on one letter that count; so many are enough for every language (Unicode, UAX #15)."""


def searchable(text: str) -> str:
    """Return the text as it is compared in a search: without case and accents, in composed form.

    The SQL function `search_fold` does the same.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", _with_few_marks(text))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed)).casefold()


def _with_few_marks(text: str) -> str:
    """Return the text without the marks beyond MAX_MARKS: normalising takes the square of the time for many."""
    if len(text) <= MAX_MARKS:
        return text
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def like_pattern(text: str) -> str:
    """Return the LIKE pattern that matches `search_fold` of every string that contains the text.

    A backslash escapes the wildcards of LIKE in it.
    """
    escaped = searchable(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def find(text: str, term: str) -> int:
    """Return where the term begins in the text as people see it; -1 if it is not in there."""
    position = searchable(text).find(searchable(term))
    if position <= 0 or text.isascii():
        return position
    passed = 0
    for index, character in enumerate(text):
        if passed >= position:
            return index
        passed += len(searchable(character))
    return len(text)
