"""The doors that personal tokens of invitations open. All of them count wrong ones together."""

from typing import Any

from talkd.areas.invitations import service, store
from talkd.conversation import room_store, session_store
from talkd.core import ids
from talkd.core.errors import NULL, NotFound
from talkd.storage.database import Tx
from talkd.web.call import Call

INVITATION = "talkInvitation"
"""The brute-force action of wrong personal tokens."""


async def require_invited(call: Call[Any], token: str, address: str, access: str) -> None:
    """Raises NotFound unless the personal token is that of this address in this room, and Throttled."""

    async def read(tx: Tx) -> bool:
        room = await room_store.get_room(tx, token)
        return room is not None and await service.is_invited(tx, room, address, access)

    async with call.world.throttle.attempt(INVITATION, call.caller.address) as attempt:
        is_right = await call.world.db.read(read)
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

    async def work(tx: Tx) -> None:
        room = await room_store.get_room(tx, token)
        if room is None:
            raise NotFound
        if caller.browser:
            await session_store.move_browser(tx, caller.browser, browser)
            await store.move_browser(tx, caller.browser, browser)
        await service.open_door(tx, room, address, access, browser)

    await call.write(work)
    return secret
