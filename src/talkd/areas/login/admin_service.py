"""Use cases of administrators: the logins of an account, and who must wait after too many attempts."""

from collections.abc import Iterable, Mapping

from talkd.areas.login import store
from talkd.areas.login.model import AppPassword, Browser
from talkd.areas.provisioning import service as provisioning
from talkd.areas.provisioning.service import CONFIRM, ApiCaller
from talkd.areas.settings import service as settings
from talkd.areas.users import service as users
from talkd.core import ids
from talkd.core.errors import Forbidden
from talkd.core.names import folded
from talkd.storage.database import Tx


async def list_logins(tx: Tx, by: ApiCaller, user_id: str) -> tuple[list[Browser], list[AppPassword]]:
    """List the browsers and the apps that are logged in to an account. Raises Rejected (404) if there is none."""
    account = await provisioning.require_visible(tx, by, user_id)
    return await store.list_browsers(tx, account.id), await store.list_app_passwords(tx, account.id)


async def end_logins(tx: Tx, by: ApiCaller, user_id: str) -> None:
    """Log an account out everywhere. Raises Rejected (404), and Forbidden if the caller must confirm this."""
    account = await provisioning.require_visible(tx, by, user_id)
    await provisioning.require_may_administer(tx, by, account.id)
    await store.delete_logins(tx, account.id)
    await settings.outdate_caches(tx, account.id)


def require_confirmed(by: ApiCaller) -> None:
    """Raises Forbidden if the caller must confirm this: with a stolen app password, nobody may guess without limit."""
    if not by.is_confirmed:
        raise Forbidden(message=f"{CONFIRM}: to forget failed attempts, send your own password or log in again.")


async def name_accounts(tx: Tx, fingerprints: Iterable[str]) -> Mapping[str, str]:
    """Return the ids of the accounts with these fingerprints of their ids (`web/auth.py`).

    Fingerprints cannot be looked up, so this reads the ids of all accounts, but nothing else of them. Attempts on a
    disabled account are counted under its id in lower case.
    """
    wanted = set(fingerprints)
    known = await users.list_every_id(tx) if wanted else []
    named = {ids.fingerprint(written): user_id for user_id in known for written in {user_id, folded(user_id)}}
    return {key: named[key] for key in wanted if key in named}
