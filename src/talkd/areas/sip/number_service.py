"""Keeping whose phone numbers are whose."""

import msgspec

from talkd.areas.sip import number_store as store
from talkd.areas.sip.model import PhoneNumber, own_number, require_own_number
from talkd.areas.users import service as users
from talkd.core.errors import Conflict, NotFound
from talkd.storage.database import Tx


class Assignment(msgspec.Struct, frozen=True):
    """A number that an account now has, and the account that had it before."""

    number: PhoneNumber
    former_user_id: str | None


async def add_number(tx: Tx, text: str, user_id: str, *, force: bool = False) -> Assignment:
    """Give an account a number. Raises NotFound without such an account, Invalid for what is no number, and Conflict
    if the number belongs to an account, unless by `force`.
    """
    account = await users.get_account(tx, user_id)
    if account is None:
        raise NotFound(message=f'Invalid user "{user_id}" provided')
    number = require_own_number(text)
    known = await store.find_number(tx, number)
    if known is not None and not force:
        raise Conflict(message=f"Phone number is already assigned to {known.user_id}")
    await store.set_owner(tx, number, account.id)
    return Assignment(PhoneNumber(number, account.id), known.user_id if known is not None else None)


async def find_number(tx: Tx, text: str) -> PhoneNumber:
    """Return whose number it is. Raises NotFound, also for what is no number."""
    number = own_number(text)
    known = await store.find_number(tx, number) if number is not None else None
    if known is None:
        raise NotFound(message=f"Phone number {text} could not be found")
    return known


async def list_numbers(tx: Tx, user_id: str) -> list[PhoneNumber]:
    """Return the numbers of an account. Raises NotFound when it has none."""
    known = await store.list_numbers(tx, await users.resolve_id(tx, user_id))
    if not known:
        raise NotFound(message=f"No phone number found for {user_id}")
    return known


async def remove_number(tx: Tx, text: str) -> None:
    """Take a number from its account, if it has one."""
    number = own_number(text)
    if number is not None:
        await store.delete_number(tx, number)


async def remove_numbers(tx: Tx, user_id: str) -> None:
    """Take all numbers from an account."""
    await store.delete_numbers(tx, await users.resolve_id(tx, user_id))
