"""Read, create, change and delete accounts."""

from collections.abc import Iterable, Sequence

from talkd.areas.mail.address_model import is_address
from talkd.areas.settings import service as settings
from talkd.areas.users import group_store, model, store
from talkd.areas.users.model import ADMIN_GROUP, EXISTS, INVALID, NO_GROUP, NOT_YOURS, Account
from talkd.conversation.settings import TalkSettings
from talkd.core import clock
from talkd.core.actor import SYSTEM, USERS, Actor
from talkd.core.errors import Rejected
from talkd.core.events import GroupMemberAdded, UserDeleted, UserRenamed
from talkd.core.names import folded
from talkd.storage.database import Tx

EVERYTHING = 2**31 - 1
"""The LIMIT of a statement for a list without a limit."""


# --- reading --------------------------------------------------------------------------------
async def get_account(tx: Tx, user_id: str, *, lock: bool = False) -> Account | None:
    """Return the account with this id, in any case; None if there is none.

    With `lock` it cannot change until the transaction ends.
    """
    return await store.get_account(tx, folded(user_id), lock=lock)


async def find_enabled(tx: Tx, user_id: str, *, lock: bool = False) -> Account | None:
    """Return the account if it may log in; None if it is disabled or deleted. `lock` is that of `get_account`."""
    account = await get_account(tx, user_id, lock=lock)
    return account if account is not None and account.enabled else None


async def list_accounts_by_email(tx: Tx, email: str) -> list[Account]:
    """List the accounts with this e-mail address, in any case."""
    return await store.list_accounts_by_email(tx, email)


async def list_accounts(
    tx: Tx, search: str = "", limit: int | None = None, offset: int = 0, *, recent_first: bool = False
) -> list[Account]:
    """List the accounts whose id, name or address contains the text; all of them without a limit.

    They are sorted by name, or with `recent_first` by their last login.
    """
    most = EVERYTHING if limit is None else max(limit, 0)
    return await store.search_accounts(tx, search, most, max(offset, 0), recent_first=recent_first)


async def list_every_id(tx: Tx) -> list[str]:
    """List the ids of all accounts."""
    return await store.list_every_id(tx)


async def get_names(tx: Tx, user_ids: Sequence[str]) -> dict[str, str]:
    """Return the display names of the enabled accounts among these ids."""
    return await store.get_names(tx, user_ids) if user_ids else {}


async def resolve_ids(tx: Tx, typed: Iterable[str]) -> dict[str, str]:
    """Map each text to the id of the account that it names, in any case, or to itself if there is no such account."""
    texts = list(typed)
    ids = await store.list_ids(tx, [folded(text) for text in texts]) if texts else []
    known = {folded(user_id): user_id for user_id in ids}
    return {text: known.get(folded(text), text) for text in texts}


async def resolve_id(tx: Tx, typed: str) -> str:
    """Return the id of the account that a text names, in any case, or the text itself if there is no such account."""
    return (await resolve_ids(tx, [typed]))[typed]


async def is_admin(tx: Tx, user_id: str) -> bool:
    """Return True if the account administers the server."""
    return await store.is_member_of_any(tx, [ADMIN_GROUP], user_id)


async def is_allowed(tx: Tx, group_ids: Sequence[str], user_id: str) -> bool:
    """Return True if the account is in one of the groups of a setting. A setting without groups allows everybody."""
    return not group_ids or await store.is_member_of_any(tx, group_ids, user_id)


async def may_use_talk(tx: Tx, talk_settings: TalkSettings, user_id: str) -> bool:
    """Return True if the setting `allowed_groups` lets the account use Talk."""
    return await is_allowed(tx, talk_settings.allowed_groups, user_id)


async def is_being_forgotten(tx: Tx, user_id: str) -> bool:
    """Return True if the account with this id was deleted and some data still names it."""
    return await store.is_being_forgotten(tx, folded(user_id))


# --- writing --------------------------------------------------------------------------------
async def require_creatable(tx: Tx, user_id: str, *, email: str = "", groups: Sequence[str] = ()) -> None:
    """Raises Rejected if an account with this id, address and groups cannot be created."""
    model.require_user_id(user_id)
    if await get_account(tx, user_id) is not None:
        raise Rejected(EXISTS, "User already exists")
    if await is_being_forgotten(tx, user_id):
        raise Rejected(EXISTS, "The account that had this id is still being deleted. Try again in a minute.")
    for group_id in groups:
        if await group_store.get_group(tx, group_id) is None:
            raise Rejected(NO_GROUP, f"Group {group_id} does not exist")
    if email and not is_address(email):
        raise Rejected(INVALID, "Invalid email")


async def create_account(
    tx: Tx,
    user_id: str,
    password_hash: str,
    *,
    display_name: str = "",
    email: str = "",
    language: str = "",
    groups: Sequence[str] = (),
    by: Actor = SYSTEM,
) -> None:
    """Create an account that can log in at once. Raises Rejected: 101 invalid, 102 exists, 104 unknown group."""
    await require_creatable(tx, user_id, email=email, groups=groups)
    added = await store.add_account(
        tx,
        user_id=user_id,
        display_name=model.require_display_name(display_name) or user_id,
        email=email,
        password_hash=password_hash,
        language=language,
        now=clock.now(),
    )
    if not added:
        raise Rejected(EXISTS, "User already exists")
    for group_id in dict.fromkeys(groups):
        await group_store.lock_group(tx, group_id)
        await group_store.add_member(tx, group_id, user_id)
        await tx.emit(GroupMemberAdded(group_id, user_id, by))
    await settings.outdate_caches(tx, user_id)


async def set_field(tx: Tx, account: Account, key: str, value: str) -> None:
    """Set a field that `model.changed` knows. Raises Rejected: 101 invalid, 113 unknown key."""
    for column, changed in model.changed(account, key, value).items():
        await store.set_column(tx, account.id, column, changed)
        if column == "display_name" and changed != account.display_name:
            await tx.emit(UserRenamed(account.id, changed))
            await settings.outdate_caches(tx, account.id)  # verified logins contain the name
        elif column == "language" and changed != account.language:
            await settings.outdate_caches(tx, account.id)  # the pages of a browser are in this language
        elif column == "email" and changed != account.email:
            await settings.outdate_caches(tx, account.id)  # users can log in with it


async def reset_language(tx: Tx, user_id: str) -> None:
    """Reset the language of an account to the default. `set_field` cannot do this: it allows no empty language."""
    await store.set_column(tx, user_id, "language", "")
    await settings.outdate_caches(tx, user_id)


async def set_password(tx: Tx, user_id: str, password_hash: str) -> None:
    """Set an account's password. All its browsers are logged out; apps keep their own passwords."""
    await store.set_column(tx, user_id, "password_hash", password_hash)
    await store.delete_browsers(tx, user_id)
    await settings.outdate_caches(tx, user_id)


async def set_enabled(tx: Tx, user_id: str, enabled: bool, *, by: str = "") -> None:
    """Enable or disable an account.

    Raises Rejected (101) if it is unknown, the account of `by`, or the last administrator.
    """
    account = await get_account(tx, user_id)
    if account is None or account.id == by:
        raise Rejected(INVALID, "You cannot disable or enable your own account." if account else "")
    user_id = account.id
    if not enabled:
        await require_other_admin(tx, user_id)
        await store.lock_rooms(tx, user_id)
    await store.set_column(tx, user_id, "enabled", int(enabled))
    if not enabled:
        await store.delete_browsers(tx, user_id)
    await settings.outdate_caches(tx, user_id)


async def delete_account(tx: Tx, user_id: str, *, by: Actor) -> str:
    """Delete an account with its app passwords and browser sessions. Return its id as it was stored.

    Raises Rejected: 998 unknown, 101 the account of `by` or the last administrator.
    """
    account = await get_account(tx, user_id)
    if account is None:
        raise Rejected(NOT_YOURS)
    user_id = account.id
    if by.is_same(USERS, user_id):
        raise Rejected(INVALID, "You cannot delete your own account.")
    await require_other_admin(tx, user_id)
    # Rooms are always locked before their notifications, which are deleted with the account.
    await store.lock_rooms(tx, user_id)
    await store.delete_account(tx, user_id)
    await tx.emit(UserDeleted(user_id, account.display_name or user_id, by))
    await settings.outdate_caches(tx, user_id)
    return user_id


async def require_other_admin(tx: Tx, user_id: str) -> None:
    """Raises Rejected (101) if the account is the only enabled administrator."""
    await group_store.lock_group(tx, ADMIN_GROUP)
    if await group_store.list_enabled_members(tx, ADMIN_GROUP) == [user_id]:
        raise Rejected(INVALID, "This is the last administrator. Make another account an administrator first.")
