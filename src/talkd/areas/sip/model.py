"""The forms of phone numbers."""

import re

import msgspec

from talkd.core.errors import Invalid

_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")
_INTERNAL = re.compile(r"[1-9][0-9]{0,14}")
_SEPARATORS = str.maketrans("", "", " \u00a0-./()")
_HIDDEN_DIGITS = 4


class PhoneNumber(msgspec.Struct, frozen=True):
    """A number in the form that `require_own_number` returns, and the account that has it."""

    number: str
    user_id: str


def require_number(text: str) -> str:
    """Return the number of somebody to call, as `+` and digits.

    Raises Invalid("new-participant") if it is not in international form. The server cannot know to which country a
    national number belongs.
    """
    number = text.translate(_SEPARATORS)
    if not _NUMBER.fullmatch(number):
        message = f"{text} is not a phone number in international form, for example +4930123456."
        raise Invalid("new-participant", message=message)
    return number


def require_own_number(text: str) -> str:
    """Return the number of an account, in digits.

    It is an international number, without its `+` or 00, or an internal number of a telephone system. Raises Invalid
    for national numbers and all other texts.
    """
    number = own_number(text)
    if number is None:
        raise Invalid("phone", message=f"Not a valid phone number {text}. The format is invalid.")
    return number


def own_number(text: str) -> str | None:
    """Return the number as `require_own_number` does, or None if an account cannot have it."""
    number = text.translate(_SEPARATORS)
    if number.startswith("00"):
        number = "+" + number[2:]
    if not _NUMBER.fullmatch(number) and not _INTERNAL.fullmatch(number):
        return None
    return number.removeprefix("+")


def without_end(number: str) -> str:
    """Return the number without its last digits, to show it to attendees who must not know it."""
    return number[:-_HIDDEN_DIGITS] + "…"
