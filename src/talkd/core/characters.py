"""Characters that no text may have."""


def is_text(value: str) -> bool:
    """Return True if both databases can store the text: it has neither NUL nor half of a surrogate pair."""
    if "\x00" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
