"""What counts as the same text when somebody searches: whatever the case, the accents and the form of Unicode."""

import re
import unicodedata

_ACCENTS = re.compile("[\u0300-\u036f]")
"""The combining marks of Latin, Greek and Cyrillic letters. The marks of other scripts are letters of their own."""


def searchable(text: str) -> str:
    """Return the text as it is compared in a search: without case and accents, in composed form.

    The SQL function `search_fold` does the same.
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text))).casefold()


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
