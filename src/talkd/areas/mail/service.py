"""Put mail into the outbox, take it out, and record the outcome."""

from talkd.areas.mail import store
from talkd.areas.mail.model import Mail, next_attempt
from talkd.core import clock
from talkd.core.names import cleaned
from talkd.storage.database import Tx


async def send(tx: Tx, address: str, subject: str, body: str, **values: str) -> None:
    """Put a mail into the outbox.

    The values replace their `{names}` in subject and body. Line breaks in values are removed, so that the name of a
    user or room cannot add lines to a mail.
    """
    values = {name: cleaned(value) for name, value in values.items()}
    await store.add_mail(tx, address, subject.format(**values), body.format(**values), clock.now())


async def has_due(tx: Tx) -> bool:
    """Return True if a mail is due."""
    return await store.has_due(tx, clock.now())


async def take_next(tx: Tx) -> Mail | None:
    """Take a mail that is due, or return None. It is not due again until `note_failed` says so."""
    return await store.take_next(tx, clock.now())


async def give_up_uncertain(tx: Tx) -> list[int]:
    """Give up the mails that were being sent when the server was killed. Return their ids.

    The mail server may have accepted them, and a mail must not be sent twice.
    """
    return await store.delete_taken(tx)


async def note_sent(tx: Tx, mail: Mail) -> None:
    """Delete a mail that the mail server has accepted."""
    await store.delete_mail(tx, mail.id)


async def note_failed(tx: Tx, mail: Mail, *, for_good: bool) -> bool:
    """Postpone a mail that could not be sent, or delete it. Return True if it will be tried again."""
    attempts = mail.attempts + 1
    next_at = None if for_good else next_attempt(attempts, clock.now())
    if next_at is None:
        await store.delete_mail(tx, mail.id)
        return False
    await store.postpone(tx, mail.id, attempts, next_at)
    return True
