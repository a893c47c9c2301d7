"""Mail to people who are invited by e-mail. Inside the transaction; `effects/mail.py` sends it."""

from typing import Any
from urllib.parse import urlencode

from talkd.areas.mail import service as mail
from talkd.areas.participants import service as participants
from talkd.areas.participants import store as attendees
from talkd.config import Config
from talkd.core import events
from talkd.core.actor import EMAILS
from talkd.storage.database import Tx

_SUBJECT = "{inviter} invites you: {room}"
_BODY = """{inviter} invites you to the conversation "{room}".

Open it in your browser:

{link}

The link is personal: whoever opens it takes part as you. Please do not pass it on.
"""


class Invitations:
    """Writes the invitations, if mail is set up. Links begin with the configured address, never with what a
    request says the server is called.
    """

    def __init__(self, config: Config) -> None:
        self._is_on = config.sends_mail
        self._base_url = config.server.public_url.rstrip("/")
        self._name = config.identity.name

    async def apply(self, tx: Tx, event: Any) -> None:
        """Invite whoever was added by e-mail address, or shall be invited once more."""
        if not self._is_on or not isinstance(event, events.AttendeeAdded | events.InvitationRepeated):
            return
        if event.target.type != EMAILS:
            return
        attendee = await attendees.get_attendee(tx, event.room_id, event.attendee_id)
        if attendee is None:
            return
        room = await participants.lock_room(tx, event.room_id)
        query = urlencode({"email": attendee.invited_address, "access": attendee.access_token})
        inviter = event.actor.name or self._name
        link = f"{self._base_url}/call/{room.token}?{query}"
        await mail.send(tx, attendee.invited_address, _SUBJECT, _BODY, inviter=inviter, room=room.name, link=link)
