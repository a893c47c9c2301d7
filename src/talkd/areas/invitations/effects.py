"""Write the mail to people who are invited by e-mail, in the transaction. `mail/postman.py` sends it later."""

from urllib.parse import urlencode

from talkd.areas.mail import service as mail
from talkd.config import Config
from talkd.conversation import attendee_store, room_store
from talkd.core import clock, events
from talkd.core.actor import EMAILS, Actor
from talkd.core.errors import Throttled
from talkd.core.log import Log
from talkd.core.windows import Windows
from talkd.storage.database import Reactions, Tx

log = Log(__name__)

DAY, HOUR = 86_400, 3600

_SUBJECT = "{inviter} invites you: {room}"
_BODY = """{inviter} invites you to the conversation "{room}".

Open it in your browser:

{link}

The link is personal: whoever opens it takes part as you. Please do not pass it on.
"""


class Invitations:
    """Writes invitations if mail is set up, and limits how many.

    Links begin with the configured address of the server. The Host header of a request could name another server.
    """

    def __init__(self, config: Config) -> None:
        self._is_on = config.sends_mail
        self._base_url = config.server.public_url.rstrip("/")
        self._name = config.identity.name
        self._config = config
        self._sent: Windows[Actor] = Windows()
        self._received: Windows[str] = Windows()

    @property
    def reactions(self) -> Reactions:
        """Return the reactions to events: none if mail is not set up."""
        if not self._is_on:
            return {}
        return {
            events.InvitationsPlanned: self._plan,
            events.AttendeeAdded: self._invite,
            events.InvitationRepeated: self._invite,
        }

    async def _plan(self, _tx: Tx, event: events.InvitationsPlanned) -> None:
        """Raises Throttled before the first of several mails if the sender may not send all of them."""
        self._require_may_send(event.actor, event.count)

    async def _invite(self, tx: Tx, event: events.AttendeeAdded | events.InvitationRepeated) -> None:
        """Write the mail to an attendee who was invited by e-mail. Raises Throttled if the sender has sent too many."""
        if event.target.type != EMAILS:
            return
        attendee = await attendee_store.get_attendee(tx, event.room_id, event.attendee_id)
        if attendee is None or not self._may_send(event.actor, attendee.actor_id):
            return
        room = await room_store.lock_room(tx, event.room_id)
        query = urlencode({"email": attendee.invited_address, "access": attendee.access_token})
        inviter = event.actor.name or self._name
        link = f"{self._base_url}/call/{room.token}?{query}"
        await mail.send(tx, attendee.invited_address, _SUBJECT, _BODY, inviter=inviter, room=room.name, link=link)

    def _require_may_send(self, sender: Actor, count: int) -> None:
        """Raises Throttled if the sender may not send `count` more mails today."""
        most = self._config.mail.by_sender if self._config.security.throttle else 0
        if most:
            wait = self._sent.check(_sender(sender), count, allowed=most, seconds=DAY, now=clock.now())
            if wait:
                raise Throttled(wait, "mail")

    def _may_send(self, sender: Actor, recipient: str) -> bool:
        """Count a mail. Return False if the recipient got too many. Raises Throttled if the sender has sent too many.

        Counts are kept in memory and start anew with the server.
        """
        if not self._config.security.throttle:
            return True
        now, limits = clock.now(), self._config.mail
        self._require_may_send(sender, 1)
        if limits.by_sender:
            self._sent.spend(_sender(sender), allowed=limits.by_sender, seconds=DAY, now=now)
        if limits.to_recipient and self._received.spend(recipient, allowed=limits.to_recipient, seconds=HOUR, now=now):
            log.warning("mail_left_out", sender=sender.id)
            return False
        return True


def _sender(actor: Actor) -> Actor:
    """Return the actor whose mails are counted together: without the name, which can change."""
    return Actor(actor.type, actor.id)
