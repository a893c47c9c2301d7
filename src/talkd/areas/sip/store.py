"""Statements about the phone numbers of accounts."""

import sqlalchemy as sa

from talkd.areas.sip.model import PhoneNumber
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape
from talkd.storage.schema import phone_numbers
from talkd.storage.statements import Statement, bind, insert

_NUMBER = shape(PhoneNumber, phone_numbers)
_SET = Statement(
    insert(phone_numbers)
    .values(number=bind("number"), user_id=bind("user_id", sa.Text))
    .on_conflict_do_update(index_elements=["number"], set_={"user_id": bind("user_id", sa.Text)})
)
_GET = Query(sa.select(*_NUMBER).where(phone_numbers.c.number == bind("number")), _NUMBER)
_OF_USER = Query(
    sa.select(*_NUMBER).where(phone_numbers.c.user_id == bind("user_id")).order_by(phone_numbers.c.number), _NUMBER
)
_DELETE = Statement(sa.delete(phone_numbers).where(phone_numbers.c.number == bind("number")))
_DELETE_OF_USER = Statement(sa.delete(phone_numbers).where(phone_numbers.c.user_id == bind("user_id")))
_DELETE_ALL = Statement(sa.delete(phone_numbers))


async def set_owner(tx: Tx, number: str, user_id: str) -> None:
    """Give a number to an account. An account that had it before loses it."""
    await tx.run(_SET, number=number, user_id=user_id)


async def find_number(tx: Tx, number: str) -> PhoneNumber | None:
    """Return the number with its account, or None if no account has it."""
    return await tx.find(_GET, number=number)


async def list_numbers(tx: Tx, user_id: str) -> list[PhoneNumber]:
    """List the numbers of an account."""
    return await tx.list(_OF_USER, user_id=user_id)


async def delete_number(tx: Tx, number: str) -> None:
    """Remove a number from its account."""
    await tx.run(_DELETE, number=number)


async def delete_numbers_of(tx: Tx, user_id: str) -> None:
    """Remove all numbers from an account."""
    await tx.run(_DELETE_OF_USER, user_id=user_id)


async def delete_all_numbers(tx: Tx) -> None:
    """Remove all numbers from all accounts."""
    await tx.run(_DELETE_ALL)
