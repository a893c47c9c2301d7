"""App passwords, login flow v2 and browser sessions."""

from talkd.areas.login import store
from talkd.areas.login.model import FLOW_LIFETIME, AppPassword, Flow, GrantedLogin, StartedFlow, client_name_of
from talkd.areas.settings import service as settings
from talkd.areas.users import service as users
from talkd.conversation.login import Login
from talkd.core import clock, ids
from talkd.core.errors import Forbidden, NotAuthenticated, NotFound
from talkd.storage.database import Tx

ALREADY = "You cannot request an new apppassword with an apppassword"
NOT_AN_APP = "no app password in use"


# --- app passwords --------------------------------------------------------------------------
async def create_app_password(tx: Tx, user_id: str, name: str) -> str:
    """Create a password for one app and return it. Only its fingerprint is stored."""
    password = ids.new_app_password()
    await store.add_app_password(
        tx, user_id=user_id, fingerprint=ids.fingerprint(password), name=client_name_of(name), now=clock.now()
    )
    return password


async def exchange_password(tx: Tx, user_id: str, name: str, *, app_password_id: int | None, by_cookie: bool) -> str:
    """Create an app password for a caller who sent the account's password.

    Raises Forbidden if the caller logged in by an app password or a cookie.
    """
    if app_password_id is not None or by_cookie:
        raise Forbidden(message=ALREADY)
    return await create_app_password(tx, user_id, name)


async def rotate_app_password(tx: Tx, user_id: str, app_password_id: int | None) -> str:
    """Replace the app password of the calling app. Raises Forbidden if it did not use one."""
    if app_password_id is None:
        raise Forbidden(message=NOT_AN_APP)
    password = ids.new_app_password()
    await store.renew_app_password(tx, app_password_id, ids.fingerprint(password))
    await settings.outdate_caches(tx, user_id)
    return password


async def delete_own_app_password(tx: Tx, user_id: str, app_password_id: int | None) -> None:
    """Delete the app password of the calling app. Raises Forbidden if it did not use one."""
    if app_password_id is None:
        raise Forbidden(message=NOT_AN_APP)
    await store.delete_app_password(tx, app_password_id)
    await settings.outdate_caches(tx, user_id)


async def list_devices(tx: Tx, user_id: str) -> list[AppPassword]:
    """List the apps connected to an account, the most recently used first."""
    return await store.list_app_passwords(tx, user_id)


async def revoke_device(tx: Tx, user_id: str, app_password_id: int) -> None:
    """Log out an app of the user. Raises NotFound if it is not theirs."""
    if not await store.revoke_app_password(tx, app_password_id, user_id):
        raise NotFound
    await settings.outdate_caches(tx, user_id)


async def wipe_device(tx: Tx, user_id: str, app_password_id: int) -> None:
    """Log out an app of the user. When the app next asks, it learns that it must erase its data.

    Raises NotFound if it is not theirs.
    """
    if not await store.mark_for_wiping(tx, app_password_id, user_id):
        raise NotFound
    await settings.outdate_caches(tx, user_id)


async def require_wipe(tx: Tx, password: str) -> AppPassword:
    """Return the app password of an app that must erase its data. Raises NotFound for all other apps."""
    found = await store.get_app_password(tx, ids.fingerprint(password))
    if found is None or not found.wipe:
        raise NotFound
    return found


async def finish_wipe(tx: Tx, password: str) -> None:
    """Delete the app password of an app that has erased its data. Raises NotFound if the app was not to erase it."""
    found = await require_wipe(tx, password)
    await store.delete_app_password(tx, found.id)


# --- login flow v2 --------------------------------------------------------------------------
async def start_flow(tx: Tx, user_agent: str) -> StartedFlow:
    """Start a flow and return its secrets."""
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
    """Return the flow of a link. Raises NotFound if it is unknown or too old, or a user has agreed to it already."""
    flow = await store.get_flow_by_login(tx, ids.fingerprint(login_token))
    if flow is None or flow.user_id or _is_over(flow):
        raise NotFound
    return flow


async def grant_flow(tx: Tx, login_token: str, user_id: str) -> Flow:
    """Note that the user agreed to a flow, and return the flow. Raises NotFound as `access_flow` does."""
    flow = await access_flow(tx, login_token)
    if not await store.grant_flow(tx, flow.login_fingerprint, user_id):
        raise NotFound
    return flow


async def is_granted(tx: Tx, poll_token: str) -> bool:
    """Return True if `finish_flow` would succeed. This only reads, because some apps ask four times a second."""
    flow = await store.get_flow_by_poll(tx, ids.fingerprint(poll_token))
    return flow is not None and bool(flow.user_id) and not _is_over(flow)


async def finish_flow(tx: Tx, poll_token: str) -> GrantedLogin:
    """Create the app password of a flow that a user agreed to, and end the flow. Raises NotFound for other flows."""
    fingerprint = ids.fingerprint(poll_token)
    flow = await store.get_flow_by_poll(tx, fingerprint)
    if flow is None or not flow.user_id or _is_over(flow) or not await store.delete_flow(tx, fingerprint):
        raise NotFound
    account = await users.find_enabled(tx, flow.user_id)
    if account is None:
        raise NotFound
    return GrantedLogin(account.id, await create_app_password(tx, account.id, flow.client_name))


def _is_over(flow: Flow) -> bool:
    return flow.created_at < clock.steady() - FLOW_LIFETIME


# --- browsers -------------------------------------------------------------------------------
async def open_browser(tx: Tx, login: Login, *, previous: str) -> str:
    """Log a browser in with the password of an account. Return its new cookie; only the fingerprint is stored.

    `previous` is the fingerprint of the browser's former cookie. The session under it ends. Raises NotAuthenticated if
    the password has changed since it was checked.
    """
    earlier = await store.get_browser(tx, previous) if previous else None
    if earlier is not None:
        await close_browser(tx, earlier.user_id, previous)
    await _require_same_password(tx, login)
    return await _add_browser(tx, login.user_id)


async def change_password(tx: Tx, login: Login, password_hash: str) -> str:
    """Set a new password. All browsers are logged out. Return the new cookie of the browser that sent it.

    Raises NotAuthenticated if the old password has changed since it was checked.
    """
    await _require_same_password(tx, login)
    await users.set_password(tx, login.user_id, password_hash)
    return await _add_browser(tx, login.user_id)


async def _require_same_password(tx: Tx, login: Login) -> None:
    """Lock the account. Raises NotAuthenticated unless it still has the password of the login."""
    account = await users.find_enabled(tx, login.user_id, lock=True)
    if account is None or ids.fingerprint(account.password_hash) != login.credential.secret:
        raise NotAuthenticated


async def _add_browser(tx: Tx, user_id: str) -> str:
    cookie = ids.new_secret()
    await store.add_browser(
        tx,
        fingerprint=ids.fingerprint(cookie),
        user_id=user_id,
        request_token=ids.new_secret(43),
        now=clock.steady(),
    )
    await store.note_login(tx, user_id, clock.now())
    return cookie


async def delete_old_flows(tx: Tx) -> None:
    """Delete the login flows that are too old to be finished."""
    await store.delete_flows_before(tx, clock.steady() - FLOW_LIFETIME)


async def is_any_browser_lapsed(tx: Tx, lifetime: int) -> bool:
    """Return True if a browser is logged in that has sent no request for `lifetime` seconds."""
    return await store.is_any_browser_before(tx, clock.steady() - lifetime)


async def close_lapsed_browsers(tx: Tx, lifetime: int) -> None:
    """Log out the browsers that have sent no request for `lifetime` seconds."""
    for user_id in await store.delete_browsers_before(tx, clock.steady() - lifetime):
        await settings.outdate_caches(tx, user_id)


async def close_browser(tx: Tx, user_id: str, fingerprint: str) -> None:
    """Log a browser out: its cookie is no longer valid."""
    await store.delete_browser(tx, fingerprint)
    await settings.outdate_caches(tx, user_id)
