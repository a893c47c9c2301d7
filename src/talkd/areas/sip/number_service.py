"""Keeping whose phone numbers are whose."""

from talkd.areas.sip import number_store as store
from talkd.areas.sip.model import PhoneNumber, require_number
from talkd.areas.users import store as users
from talkd.core.errors import Conflict, NotFound
from talkd.storage.database import Tx


async def add_number(tx: Tx, number: str, user_id: str, *, force: bool = False) -> PhoneNumber:
    """Give an account a number. Raises Invalid for what is none, NotFound without such an account, and Conflict
    when somebody else has the number, unless by `force`.
    """
    number = require_number(number)
    account = await users.get_account(tx, user_id)
    if account is None:
        raise NotFound(message=f"There is no account {user_id}.")
    user_id = account.id
    known = await store.find_number(tx, number)
    if known is not None and known.user_id != user_id and not force:
        raise Conflict(message=f"{number} is a number of {known.user_id} already: give --force to change that.")
    await store.set_owner(tx, number, user_id)
    return PhoneNumber(number, user_id)


async def remove_number(tx: Tx, number: str) -> str:
    """Nobody has the number any more; in international form. Raises Invalid and NotFound."""
    number = require_number(number)
    if await store.find_number(tx, number) is None:
        raise NotFound(message=f"{number} belongs to no account.")
    await store.delete_number(tx, number)
    return number


async def remove_numbers(tx: Tx, user_id: str) -> int:
    """Take all numbers from an account; how many there were. Raises NotFound when it has none."""
    user_id = await users.resolve_id(tx, user_id)
    known = await store.list_numbers(tx, user_id)
    if not known:
        raise NotFound(message=f"{user_id} has no phone number.")
    await store.delete_numbers(tx, user_id)
    return len(known)
