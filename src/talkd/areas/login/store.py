"""Statements about app passwords, browser sessions and login flows."""

import sqlalchemy as sa

from talkd.areas.login.model import AppPassword, Browser, Flow
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape, shape_of
from talkd.storage.schema import app_passwords, login_flows, users, web_sessions
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind

_APP_PASSWORD = shape(AppPassword, app_passwords)
_BY_FINGERPRINT = Query(
    sa.select(*_APP_PASSWORD).where(app_passwords.c.fingerprint == bind("fingerprint")), _APP_PASSWORD
)
_ADD_APP_PASSWORD = Statement(
    sa.insert(app_passwords).values(
        user_id=bind("user_id"),
        fingerprint=bind("fingerprint"),
        name=bind("name"),
        created_at=bind("now"),
        last_used_at=bind("now"),
    )
)
_DELETE_APP_PASSWORD = Statement(sa.delete(app_passwords).where(app_passwords.c.id == bind("id")))
_TOUCH_APP_PASSWORD = Statement(
    sa.update(app_passwords).where(app_passwords.c.id == bind("id")).values(last_used_at=bind("now"))
)
_OF_USER = Query(
    sa.select(*_APP_PASSWORD)
    .where(app_passwords.c.user_id == bind("user_id"))
    .order_by(app_passwords.c.last_used_at.desc(), app_passwords.c.id.desc()),
    _APP_PASSWORD,
)
_RENEW_APP_PASSWORD = Statement(
    sa.update(app_passwords).where(app_passwords.c.id == bind("id")).values(fingerprint=bind("fingerprint"))
)
_WIPE_APP_PASSWORD = Statement(
    sa.update(app_passwords)
    .where(app_passwords.c.id == bind("id"), app_passwords.c.user_id == bind("user_id"))
    .values(wipe=ONE)
)
_REVOKE_APP_PASSWORD = Statement(
    sa.delete(app_passwords).where(app_passwords.c.id == bind("id"), app_passwords.c.user_id == bind("user_id"))
)
_FLOW = shape(Flow, login_flows)
_FLOW_BY_POLL = Query(sa.select(*_FLOW).where(login_flows.c.poll_fingerprint == bind("fingerprint")), _FLOW)
_FLOW_BY_LOGIN = Query(sa.select(*_FLOW).where(login_flows.c.login_fingerprint == bind("fingerprint")), _FLOW)
_ADD_FLOW = Statement(
    sa.insert(login_flows).values(
        poll_fingerprint=bind("poll_fingerprint"),
        login_fingerprint=bind("login_fingerprint"),
        client_name=bind("client_name"),
        created_at=bind("now"),
        user_id=EMPTY,
    )
)
_GRANT_FLOW = Statement(
    sa.update(login_flows)
    .where(login_flows.c.login_fingerprint == bind("fingerprint"), login_flows.c.user_id == EMPTY)
    .values(user_id=bind("granted_by", sa.Text))
)
_DELETE_FLOW = Statement(sa.delete(login_flows).where(login_flows.c.poll_fingerprint == bind("fingerprint")))
_DELETE_OLD_FLOWS = Statement(sa.delete(login_flows).where(login_flows.c.created_at < bind("before")))
_BROWSER = shape_of(
    Browser,
    users.c.id,
    users.c.display_name,
    users.c.language,
    web_sessions.c.request_token,
    web_sessions.c.created_at,
    web_sessions.c.seen_at,
)
_BROWSER_BY_FINGERPRINT = Query(
    sa.select(*_BROWSER)
    .join(users, users.c.id == web_sessions.c.user_id)
    .where(web_sessions.c.fingerprint == bind("fingerprint"), users.c.enabled == ONE),
    _BROWSER,
)
_ADD_BROWSER = Statement(
    sa.insert(web_sessions).values(
        fingerprint=bind("fingerprint"),
        user_id=bind("user_id"),
        request_token=bind("request_token"),
        created_at=bind("now"),
        seen_at=bind("now"),
    )
)
_BROWSERS_OF_USER = Query(
    sa.select(*_BROWSER)
    .join(users, users.c.id == web_sessions.c.user_id)
    .where(web_sessions.c.user_id == bind("user_id"))
    .order_by(web_sessions.c.seen_at.desc()),
    _BROWSER,
)
_DELETE_BROWSERS_OF_USER = Statement(sa.delete(web_sessions).where(web_sessions.c.user_id == bind("user_id")))
_DELETE_APP_PASSWORDS_OF_USER = Statement(sa.delete(app_passwords).where(app_passwords.c.user_id == bind("user_id")))
_SEEN_BROWSER = Statement(
    sa.update(web_sessions).where(web_sessions.c.fingerprint == bind("fingerprint")).values(seen_at=bind("now"))
)
_DELETE_BROWSER = Statement(sa.delete(web_sessions).where(web_sessions.c.fingerprint == bind("fingerprint")))
_ANY_OLD_BROWSER = Statement(sa.select(ONE).where(web_sessions.c.seen_at < bind("before")).limit(ONE))
_DELETE_OLD_BROWSERS = Statement(
    sa.delete(web_sessions).where(web_sessions.c.seen_at < bind("before")).returning(web_sessions.c.user_id)
)
_LOGGED_IN = Statement(
    sa.update(users)
    .where(users.c.id == bind("id"))
    .values(
        last_login_at=bind("now"),
        first_login_at=sa.case(
            (users.c.first_login_at == ZERO, bind("now", users.c.created_at.type)), else_=users.c.first_login_at
        ),
    )
)


async def get_app_password(tx: Tx, fingerprint: str) -> AppPassword | None:
    """Return the app password with this fingerprint."""
    return await tx.find(_BY_FINGERPRINT, fingerprint=fingerprint)


async def add_app_password(tx: Tx, *, user_id: str, fingerprint: str, name: str, now: int) -> None:
    """Store a new app password."""
    await tx.run(_ADD_APP_PASSWORD, user_id=user_id, fingerprint=fingerprint, name=name, now=now)


async def delete_app_password(tx: Tx, app_password_id: int) -> None:
    """Delete an app password."""
    await tx.run(_DELETE_APP_PASSWORD, id=app_password_id)


async def touch_app_password(tx: Tx, app_password_id: int, now: int) -> None:
    """Note that an app password was used just now."""
    await tx.run(_TOUCH_APP_PASSWORD, id=app_password_id, now=now)


async def get_browser(tx: Tx, fingerprint: str) -> Browser | None:
    """Return the browser session with this fingerprint, if its account is enabled."""
    return await tx.find(_BROWSER_BY_FINGERPRINT, fingerprint=fingerprint)


async def add_browser(tx: Tx, *, fingerprint: str, user_id: str, request_token: str, now: int) -> None:
    """Store a new browser session."""
    await tx.run(_ADD_BROWSER, fingerprint=fingerprint, user_id=user_id, request_token=request_token, now=now)


async def touch_browser(tx: Tx, fingerprint: str, now: int) -> None:
    """Note that a browser has sent a request just now."""
    await tx.run(_SEEN_BROWSER, fingerprint=fingerprint, now=now)


async def delete_browser(tx: Tx, fingerprint: str) -> None:
    """Delete a browser session."""
    await tx.run(_DELETE_BROWSER, fingerprint=fingerprint)


async def is_any_browser_before(tx: Tx, before: int) -> bool:
    """Return True if there is a browser session whose last request was before this time."""
    return await tx.one(_ANY_OLD_BROWSER, before=before) is not None


async def delete_browsers_before(tx: Tx, before: int) -> list[str]:
    """Delete the browser sessions whose last request was before this time. Return their accounts."""
    return sorted(set(await tx.values(_DELETE_OLD_BROWSERS, before=before)))


async def list_browsers(tx: Tx, user_id: str) -> list[Browser]:
    """List the browser sessions of an account, the most recently used first."""
    return await tx.list(_BROWSERS_OF_USER, user_id=user_id)


async def delete_logins(tx: Tx, user_id: str) -> None:
    """Delete all browser sessions and app passwords of an account."""
    await tx.run(_DELETE_BROWSERS_OF_USER, user_id=user_id)
    await tx.run(_DELETE_APP_PASSWORDS_OF_USER, user_id=user_id)


async def note_login(tx: Tx, user_id: str, now: int) -> None:
    """Set the time of the account's last login, and of its first one if this is the first."""
    await tx.run(_LOGGED_IN, id=user_id, now=now)


async def list_app_passwords(tx: Tx, user_id: str) -> list[AppPassword]:
    """List the app passwords of an account, the most recently used first."""
    return await tx.list(_OF_USER, user_id=user_id)


async def renew_app_password(tx: Tx, app_password_id: int, fingerprint: str) -> None:
    """Replace the fingerprint of an app password."""
    await tx.run(_RENEW_APP_PASSWORD, id=app_password_id, fingerprint=fingerprint)


async def mark_for_wiping(tx: Tx, app_password_id: int, user_id: str) -> bool:
    """Note that an app must erase its data. Return True if the app password belongs to the account."""
    return await tx.run(_WIPE_APP_PASSWORD, id=app_password_id, user_id=user_id) > 0


async def revoke_app_password(tx: Tx, app_password_id: int, user_id: str) -> bool:
    """Delete an app password of an account. Return True if the account had it."""
    return await tx.run(_REVOKE_APP_PASSWORD, id=app_password_id, user_id=user_id) > 0


async def add_flow(tx: Tx, *, poll_fingerprint: str, login_fingerprint: str, client_name: str, now: int) -> None:
    """Store a new login flow."""
    await tx.run(
        _ADD_FLOW,
        poll_fingerprint=poll_fingerprint,
        login_fingerprint=login_fingerprint,
        client_name=client_name,
        now=now,
    )


async def get_flow_by_poll(tx: Tx, fingerprint: str) -> Flow | None:
    """Return the flow by the fingerprint of the app's secret."""
    return await tx.find(_FLOW_BY_POLL, fingerprint=fingerprint)


async def get_flow_by_login(tx: Tx, fingerprint: str) -> Flow | None:
    """Return the flow by the fingerprint of the browser's secret."""
    return await tx.find(_FLOW_BY_LOGIN, fingerprint=fingerprint)


async def grant_flow(tx: Tx, fingerprint: str, user_id: str) -> bool:
    """Note that a user agreed to a flow. Return True if nobody had before."""
    return await tx.run(_GRANT_FLOW, fingerprint=fingerprint, granted_by=user_id) > 0


async def delete_flow(tx: Tx, poll_fingerprint: str) -> bool:
    """Delete a flow. Return True if it existed."""
    return await tx.run(_DELETE_FLOW, fingerprint=poll_fingerprint) > 0


async def delete_flows_before(tx: Tx, before: int) -> None:
    """Delete the flows that were started before this time."""
    await tx.run(_DELETE_OLD_FLOWS, before=before)
