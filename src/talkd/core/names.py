"""What people call themselves and things."""

import unicodedata

_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the rest of a line around: a name could disguise as another with them."""


def cleaned(name: str) -> str:
    """The name without control and direction characters, and without space around it."""
    return "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cs") and c not in _DIRECTIONS).strip()


def folded(user_id: str) -> str:
    """Return a user id in lower case: ids that differ in nothing else mean the same account."""
    return user_id.lower() if user_id.isascii() else user_id
