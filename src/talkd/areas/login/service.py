"""Giving out app passwords, taking them back, and the way of a browser from login to logout."""

from talkd.areas.login import store
from talkd.areas.login.model import FLOW_LIFETIME, AppPassword, Flow, GrantedLogin, StartedFlow, client_name_of
from talkd.areas.settings import service as settings
from talkd.areas.users import service as users
from talkd.conversation.login import Login
from talkd.core import clock, ids
from talkd.core.errors import Forbidden, NotFound
from talkd.storage.database import Tx

ALREADY = "You cannot request an new apppassword with an apppassword"
NOT_AN_APP = "no app password in use"


# --- app passwords --------------------------------------------------------------------------
async def create_app_password(tx: Tx, user_id: str, name: str) -> str:
    """A password for one app; this is the only time that it is known."""
    password = ids.new_app_password()
    await store.add_app_password(
        tx, user_id=user_id, fingerprint=ids.fingerprint(password), name=client_name_of(name), now=clock.now()
    )
    return password


async def exchange_password(tx: Tx, user_id: str, name: str, *, app_password_id: int | None, by_cookie: bool) -> str:
    """An app password for whoever sent the account's own. Raises Forbidden for any other way of being logged in."""
    if app_password_id is not None or by_cookie:
        raise Forbidden(message=ALREADY)
    return await create_app_password(tx, user_id, name)


async def rotate_app_password(tx: Tx, user_id: str, app_password_id: int | None) -> str:
    """A new secret for the app that calls; the old one is worth nothing from now on. Raises Forbidden."""
    if app_password_id is None:
        raise Forbidden(message=NOT_AN_APP)
    password = ids.new_app_password()
    await store.renew_app_password(tx, app_password_id, ids.fingerprint(password))
    await settings.outdate_caches(tx, user_id)
    return password


async def delete_own_app_password(tx: Tx, user_id: str, app_password_id: int | None) -> None:
    """The app that calls logs itself out. Raises Forbidden when it did not use an app password."""
    if app_password_id is None:
        raise Forbidden(message=NOT_AN_APP)
    await store.delete_app_password(tx, app_password_id)
    await settings.outdate_caches(tx, user_id)


async def list_devices(tx: Tx, user_id: str) -> list[AppPassword]:
    """The apps connected to an account, the last used first."""
    return await store.list_app_passwords(tx, user_id)


async def revoke_device(tx: Tx, user_id: str, app_password_id: int) -> None:
    """Log one of the own apps out. Raises NotFound."""
    if not await store.revoke_app_password(tx, app_password_id, user_id):
        raise NotFound
    await settings.outdate_caches(tx, user_id)


async def wipe_device(tx: Tx, user_id: str, app_password_id: int) -> None:
    """Log one of the own apps out and have it erase its data when it next calls. Raises NotFound."""
    if not await store.mark_for_wiping(tx, app_password_id, user_id):
        raise NotFound
    await settings.outdate_caches(tx, user_id)


async def is_to_wipe(tx: Tx, password: str) -> bool:
    """Whether the app that holds this password shall erase its data."""
    found = await store.get_app_password(tx, ids.fingerprint(password))
    return found is not None and bool(found.wipe)


async def finish_wiping(tx: Tx, password: str) -> None:
    """The app has erased its data: its password can go. Raises NotFound if nobody asked it to."""
    found = await store.get_app_password(tx, ids.fingerprint(password))
    if found is None or not found.wipe:
        raise NotFound
    await store.delete_app_password(tx, found.id)


# --- login flow v2 --------------------------------------------------------------------------
async def start_flow(tx: Tx, user_agent: str) -> StartedFlow:
    """A client wants to be logged in by its user's browser."""
    started = StartedFlow(poll_token=ids.new_secret(128), login_token=ids.new_secret(128))
    await store.add_flow(
        tx,
        poll_fingerprint=ids.fingerprint(started.poll_token),
        login_fingerprint=ids.fingerprint(started.login_token),
        client_name=client_name_of(user_agent),
        now=clock.steady(),
    )
    return started


async def access_flow(tx: Tx, login_token: str) -> Flow:
    """The flow of a link that waits for an answer. Raises NotFound when it is unknown, too old or answered."""
    flow = await store.get_flow_by_login(tx, ids.fingerprint(login_token))
    if flow is None or flow.user_id or _is_over(flow):
        raise NotFound
    return flow


async def grant_flow(tx: Tx, login_token: str, user_id: str) -> None:
    """The user agrees; the client's next poll logs it in. Raises NotFound as `access_flow`."""
    await access_flow(tx, login_token)
    if not await store.grant_flow(tx, ids.fingerprint(login_token), user_id):
        raise NotFound


async def is_granted(tx: Tx, poll_token: str) -> bool:
    """Whether `finish_flow` would find something; only reads, because apps ask four times a second."""
    flow = await store.get_flow_by_poll(tx, ids.fingerprint(poll_token))
    return flow is not None and bool(flow.user_id) and not _is_over(flow)


async def finish_flow(tx: Tx, poll_token: str) -> GrantedLogin:
    """The client's app password, made now and told once. Raises NotFound at every other time."""
    fingerprint = ids.fingerprint(poll_token)
    flow = await store.get_flow_by_poll(tx, fingerprint)
    if flow is None or not flow.user_id or _is_over(flow) or not await store.delete_flow(tx, fingerprint):
        raise NotFound
    account = await users.get_account(tx, flow.user_id)
    if account is None or not account.enabled:
        raise NotFound
    return GrantedLogin(account.id, await create_app_password(tx, account.id, flow.client_name))


def _is_over(flow: Flow) -> bool:
    return flow.created_at < clock.steady() - FLOW_LIFETIME


# --- browsers -------------------------------------------------------------------------------
async def open_browser(tx: Tx, login: Login, *, previous: str) -> str:
    """A session under a fresh cookie, whose value is told to the browser alone.

    What was known under the `previous` one's fingerprint ends.
    """
    cookie = ids.new_secret()
    earlier = await store.get_browser(tx, previous) if previous else None
    if earlier is not None:
        await close_browser(tx, earlier.user_id, previous)
    await store.add_browser(
        tx,
        fingerprint=ids.fingerprint(cookie),
        user_id=login.user_id,
        request_token=ids.new_secret(43),
        now=clock.steady(),
    )
    await store.note_login(tx, login.user_id, clock.now())
    return cookie


async def delete_unfinished(tx: Tx) -> None:
    """Forget logins that nobody can finish any more."""
    await store.delete_flows_before(tx, clock.steady() - FLOW_LIFETIME)


async def is_any_browser_lapsed(tx: Tx, lifetime: int) -> bool:
    """Return True if a browser is logged in that was not seen for `lifetime` seconds."""
    return await store.is_any_browser_before(tx, clock.steady() - lifetime)


async def close_lapsed_browsers(tx: Tx, lifetime: int) -> None:
    """Log out the browsers that were not seen for `lifetime` seconds."""
    for user_id in await store.delete_browsers_before(tx, clock.steady() - lifetime):
        await settings.outdate_caches(tx, user_id)


async def close_browser(tx: Tx, user_id: str, fingerprint: str) -> None:
    """The browser's cookie is worth nothing from now on."""
    await store.delete_browser(tx, fingerprint)
    await settings.outdate_caches(tx, user_id)
