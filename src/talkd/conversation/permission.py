"""How permissions are set."""

from talkd.core.constants import MAX_CUSTOM_PERMISSIONS, Permission
from talkd.core.errors import Invalid

SET, ADD, REMOVE = "set", "add", "remove"
METHODS = frozenset({SET, ADD, REMOVE})


def require_permissions(bits: int, reason: str) -> int:
    """Return the permissions to store: the bits and CUSTOM, or 0 for the defaults.

    Raises Invalid(reason) for unknown bits.
    """
    if not 0 <= bits <= MAX_CUSTOM_PERMISSIONS:
        raise Invalid(reason)
    return bits | int(Permission.CUSTOM) if bits else 0


def changed(current: int, method: str, bits: int) -> int:
    """Return an attendee's own permissions after a change. `current` are the permissions that they have.

    Adding and removing bits does not set CUSTOM. If no bit is left, the attendee has the room's defaults again, as in
    Talk (docs/api/compatibility.md). Raises Invalid("method") and Invalid("value").
    """
    if method not in METHODS:
        raise Invalid("method")
    chosen = require_permissions(bits, "value")
    if method == SET:
        return chosen
    return current | bits if method == ADD else current & ~bits
