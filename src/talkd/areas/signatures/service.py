"""Obey signed requests once (docs/admin/security.md, Repeated requests).

A signature is the checksum of a random text with what was signed, so two requests never have the same one.
"""

from talkd.areas.signatures import store
from talkd.core import clock
from talkd.storage.database import Tx

KEEP = 90 * 86_400
"""Seconds for which signatures are remembered."""
REPEATS = 60
"""Seconds in which a request may be repeated by a sender that got no answer."""


async def use(tx: Tx, signature: str) -> bool:
    """Note that a request is obeyed. Return False if it was obeyed before."""
    return await store.add(tx, signature.lower(), clock.steady())


async def was_used(tx: Tx, signature: str) -> bool:
    """Return True if the request was obeyed before."""
    return await store.find_use(tx, signature.lower()) is not None


async def use_now(tx: Tx, signature: str) -> bool:
    """Note that a request is obeyed. Return False if it was obeyed more than a minute ago."""
    if await use(tx, signature):
        return True
    used_at = await store.find_use(tx, signature.lower())
    return used_at is None or clock.steady() - used_at <= REPEATS


async def delete_old(tx: Tx) -> None:
    """Forget old signatures."""
    await store.delete_old(tx, clock.steady() - KEEP)
