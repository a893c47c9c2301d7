"""Statements about the outbox."""

import sqlalchemy as sa

from talkd.areas.mail.model import NEVER, Mail
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape
from talkd.storage.schema import mail_outbox
from talkd.storage.statements import ONE, Statement, bind, number

_MAIL = shape(Mail, mail_outbox)
_ADD = Statement(
    sa.insert(mail_outbox).values(
        address=bind("address"),
        subject=bind("subject"),
        body=bind("body"),
        created_at=bind("now"),
        next_at=bind("now"),
    )
)
_due = mail_outbox.c.next_at <= bind("now", mail_outbox.c.next_at.type)
_OLDEST = (mail_outbox.c.next_at, mail_outbox.c.id)
_HAS_DUE = Statement(sa.select(ONE).where(_due).limit(ONE))
_TAKE = Query(
    sa.update(mail_outbox)
    .where(
        # Not IN: PostgreSQL could run the subquery once for each row, and take several mails.
        mail_outbox.c.id == sa.select(mail_outbox.c.id).where(_due).order_by(*_OLDEST).limit(ONE).scalar_subquery(),
        _due,
    )
    .values(next_at=number(NEVER))
    .returning(*_MAIL),
    _MAIL,
)
_DELETE_TAKEN = Statement(
    sa.delete(mail_outbox).where(mail_outbox.c.next_at == number(NEVER)).returning(mail_outbox.c.id)
)
_DELETE = Statement(sa.delete(mail_outbox).where(mail_outbox.c.id == bind("id")))
_POSTPONE = Statement(
    sa.update(mail_outbox).where(mail_outbox.c.id == bind("id")).values(attempts=bind("attempts"), next_at=bind("next"))
)


async def add_mail(tx: Tx, address: str, subject: str, body: str, now: int) -> None:
    """Store a mail that is due now."""
    await tx.run(_ADD, address=address, subject=subject, body=body, now=now)


async def has_due(tx: Tx, now: int) -> bool:
    """Return True if a mail is due."""
    return await tx.one(_HAS_DUE, now=now) is not None


async def take_next(tx: Tx, now: int) -> Mail | None:
    """Return the mail that has been due for longest, or None, and mark it as being sent."""
    return await tx.find(_TAKE, now=now)


async def delete_taken(tx: Tx) -> list[int]:
    """Delete the mails that are marked as being sent. Return their ids."""
    return await tx.values(_DELETE_TAKEN)


async def delete_mail(tx: Tx, mail_id: int) -> None:
    """Delete a mail."""
    await tx.run(_DELETE, id=mail_id)


async def postpone(tx: Tx, mail_id: int, attempts: int, next_at: int) -> None:
    """Set the number of failed attempts of a mail, and when it is due again."""
    await tx.run(_POSTPONE, id=mail_id, attempts=attempts, next=next_at)
