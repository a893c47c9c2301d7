"""Invitations by e-mail."""

from support.running import Server
from talkd.conversation import attendee_store, room_store
from talkd.storage.database import Tx


def tokens_of(server: Server, token: str) -> dict[str, str]:
    """Return the personal tokens by address. Otherwise only the mails contain them."""

    async def work(tx: Tx) -> dict[str, str]:
        room = await room_store.get_room(tx, token)
        assert room is not None
        everybody = await attendee_store.list_attendees(tx, room.id)
        return {each.invited_address: each.access_token for each in everybody if each.access_token}

    return server.read(work)
