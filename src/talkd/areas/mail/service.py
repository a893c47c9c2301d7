"""Putting mail into the outbox, and what becomes of it."""

from talkd.areas.mail import store
from talkd.areas.mail.model import Mail, next_attempt
from talkd.core import clock
from talkd.core.names import cleaned
from talkd.storage.database import Tx


async def send(tx: Tx, address: str, subject: str, body: str, **values: str) -> None:
    """Send a mail once this transaction is committed.

    The values replace their `{names}` in subject and body. Each stays on one line: nobody writes lines of a mail
    by naming a room or themselves.
    """
    values = {name: cleaned(value) for name, value in values.items()}
    await store.add_mail(tx, address, subject.format(**values), body.format(**values), clock.now())


async def has_due(tx: Tx) -> bool:
    """Whether there is something to send."""
    return await store.has_due(tx, clock.now())


async def take_next(tx: Tx) -> Mail | None:
    """Return a mail to hand over now, None if there is none. It is not due again before `note_failed` says so."""
    return await store.take_next(tx, clock.now())


async def give_up_uncertain(tx: Tx) -> list[int]:
    """Give up the mails that were being handed over when the server was killed; their numbers.

    The mail server may have accepted them, and nobody is mailed twice.
    """
    return await store.delete_taken(tx)


async def note_sent(tx: Tx, mail: Mail) -> None:
    """The mail server has accepted it."""
    await store.delete_mail(tx, mail.id)


async def note_failed(tx: Tx, mail: Mail, *, for_good: bool) -> bool:
    """It could not be sent. Return whether it will be tried again."""
    attempts = mail.attempts + 1
    next_at = None if for_good else next_attempt(attempts, clock.now())
    if next_at is None:
        await store.delete_mail(tx, mail.id)
        return False
    await store.postpone(tx, mail.id, attempts, next_at)
    return True
