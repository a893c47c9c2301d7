"""Who may use the telephone bridge, and the phone numbers of accounts."""

import msgspec

from talkd.areas.sip import store
from talkd.areas.sip.model import PhoneNumber, own_number, require_own_number
from talkd.areas.users import service as users
from talkd.conversation.settings import TalkSettings
from talkd.core.errors import Conflict, NotFound
from talkd.storage.database import Tx


class Assignment(msgspec.Struct, frozen=True):
    """A number with its new account, and the account that had it before, or None."""

    number: PhoneNumber
    former_user_id: str | None


# --- the bridge -----------------------------------------------------------------------------
async def can_dial_out(tx: Tx, talk_settings: TalkSettings, user_id: str) -> bool:
    """Return True if the account may call phone numbers through the bridge."""
    return talk_settings.can_dial_out and await _is_allowed(tx, talk_settings, user_id)


async def can_enable_dial_in(tx: Tx, talk_settings: TalkSettings, user_id: str) -> bool:
    """Return True if the account may let people dial in to its rooms."""
    return talk_settings.can_dial_in and await _is_allowed(tx, talk_settings, user_id)


async def _is_allowed(tx: Tx, talk_settings: TalkSettings, user_id: str) -> bool:
    return await users.is_allowed(tx, talk_settings.groups("sip_bridge_groups"), user_id)


# --- numbers --------------------------------------------------------------------------------
async def add_number(tx: Tx, text: str, user_id: str, *, force: bool = False) -> Assignment:
    """Give an account a number.

    Raises NotFound if there is no such account, Invalid if the text is not a number, and Conflict if an account has the
    number already. With `force` the number is taken from that account.
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
    """Return the number with its account. Raises NotFound if no account has it or the text is not a number."""
    number = own_number(text)
    known = await store.find_number(tx, number) if number is not None else None
    if known is None:
        raise NotFound(message=f"Phone number {text} could not be found")
    return known


async def list_numbers(tx: Tx, user_id: str) -> list[PhoneNumber]:
    """List the numbers of an account. Raises NotFound if it has none."""
    known = await store.list_numbers(tx, await users.resolve_id(tx, user_id))
    if not known:
        raise NotFound(message=f"No phone number found for {user_id}")
    return known


async def remove_number(tx: Tx, text: str) -> None:
    """Remove a number from its account. Does nothing if no account has it."""
    number = own_number(text)
    if number is not None:
        await store.delete_number(tx, number)


async def remove_numbers_of(tx: Tx, user_id: str) -> None:
    """Remove all numbers from an account."""
    await store.delete_numbers_of(tx, await users.resolve_id(tx, user_id))


async def remove_all_numbers(tx: Tx) -> None:
    """Remove all numbers from all accounts."""
    await store.delete_all_numbers(tx)
