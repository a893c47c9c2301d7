"""Check the personal tokens of invitations. Wrong tokens are counted together, wherever a browser sends them."""

from typing import Any

from talkd.areas.invitations import service as invitations
from talkd.core import ids
from talkd.core.errors import NULL, NotFound
from talkd.web.call import Call

INVITATION = "talkInvitation"
"""The brute-force action of wrong personal tokens."""


async def require_invited(call: Call[Any], token: str, address: str, access: str) -> None:
    """Raises NotFound unless the personal token is that of the address in the room. Raises Throttled."""
    async with call.world.throttle.attempt(INVITATION, call.caller.address) as attempt:
        is_right = await call.world.db.read(lambda tx: invitations.is_invited(tx, token, address, access))
        if not is_right:
            attempt.failed()
    if not is_right:
        raise NotFound(data=NULL)


async def open_link(call: Call[Any], token: str, address: str, access: str) -> str | None:
    """Give the browser access to the room by a personal token. Return its new session cookie.

    Return None for a logged-in user, who needs no invitation link. Raises NotFound and Throttled.
    """
    caller = call.caller
    if caller.user_id is not None:
        return None
    await require_invited(call, token, address, access)
    secret = ids.new_secret()
    browser = ids.fingerprint(secret)
    await call.write(
        lambda tx: invitations.accept_link(tx, token, address, access, old_browser=caller.browser, browser=browser)
    )
    return secret
