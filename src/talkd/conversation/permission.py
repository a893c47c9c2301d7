"""Permission bits as they are set."""

from talkd.core.constants import MAX_CUSTOM_PERMISSIONS, Permission
from talkd.core.errors import Invalid

SET, ADD, REMOVE = "set", "add", "remove"
METHODS = frozenset({SET, ADD, REMOVE})


def require_permissions(bits: int, reason: str) -> int:
    """The permissions of a number; anything but "as everybody" (0) is marked as chosen.

    Raises Invalid(reason) for bits that there are not.
    """
    if not 0 <= bits <= MAX_CUSTOM_PERMISSIONS:
        raise Invalid(reason)
    return bits | int(Permission.CUSTOM) if bits else 0


def changed(current: int, method: str, bits: int) -> int:
    """What an attendee's own permissions become, when `current` is what holds now.

    Adding and removing do not mark the result as chosen, and who has lost the last bit is back at the
    room's defaults (recording `participants/permissions-of-one`). Raises Invalid("method") and Invalid("value").
    """
    if method not in METHODS:
        raise Invalid("method")
    chosen = require_permissions(bits, "value")
    if method == SET:
        return chosen
    return current | bits if method == ADD else current & ~bits
