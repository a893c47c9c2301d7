"""What a phone number is."""

import re

import msgspec

from talkd.core.errors import Invalid

_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")
_INTERNAL = re.compile(r"[1-9][0-9]{0,14}")
_SEPARATORS = str.maketrans("", "", " \u00a0-./()")
_HIDDEN = 4


class PhoneNumber(msgspec.Struct, frozen=True):
    """A number as `require_own_number` returns it, and the account that it belongs to."""

    number: str
    user_id: str


def require_number(text: str) -> str:
    """The number as `+` and digits. Raises Invalid("new-participant") for anything but the international form:
    the server does not know which country's numbers would be meant.
    """
    number = text.translate(_SEPARATORS)
    if not _NUMBER.fullmatch(number):
        message = f"{text} is no phone number in international form, like +4930123456."
        raise Invalid("new-participant", message=message)
    return number


def require_own_number(text: str) -> str:
    """Return a number of an account, in digits: international without `+` or 00, or internal to a telephone system.

    Raises Invalid. National numbers are refused: the server does not know which country's they would be.
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
    """The number as people see it who may not know it."""
    return number[:-_HIDDEN] + "…"
