"""The page on which users change their password."""

import msgspec

from talkd.areas.login import service
from talkd.areas.login.page_routes import AGAIN, APPS_OWN, check_password
from talkd.areas.users import password_model as policy
from talkd.areas.users import passwords
from talkd.areas.users import service as users
from talkd.core.errors import Rejected, Throttled
from talkd.storage.database import Tx
from talkd.web import pages
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("pages", base="", kind=Kind.PLAIN)

HERE = "/password"


class PasswordParams(msgspec.Struct, frozen=True):
    """The form: the current password, and the new one twice."""

    current: str = ""
    new: str = ""
    again: str = ""
    requesttoken: str = ""


@routes.add("GET", HERE, Guard.NO_LOGIN, access=Access.OWN)
async def show_form(call: Call[NoParams]) -> Reply:
    """Show the form, after logging in if need be."""
    return _form(call) if call.caller.by_cookie else _log_in(call)


@routes.add("POST", HERE, Guard.NO_LOGIN, params=PasswordParams, access=Access.OWN)
async def set_password(call: Call[PasswordParams]) -> Reply:
    """Set a new password. The current one is asked for, because anybody may sit before an open browser."""
    if not call.caller.by_cookie:
        return _log_in(call)
    sent, world = call.params, call.world
    if not pages.is_own_form(call, sent.requesttoken):
        return _form(call, AGAIN, status=403)
    try:
        login = await check_password(call, call.user_id, sent.current)
    except Throttled as error:
        return pages.must_wait(call, error)
    if login is None or login.app_password_id is not None or login.user_id != call.user_id:
        return _form(call, APPS_OWN if login else "That is not your current password.", status=403)
    if sent.new != sent.again:
        return _form(call, "The two new passwords differ.", status=400)
    try:
        policy.require_account_password(sent.new, world.config.security)
    except Rejected as error:
        return _form(call, error.message, status=400)
    password_hash = await passwords.hash_password(sent.new)

    async def change(tx: Tx) -> str:
        await users.set_password(tx, login.user_id, password_hash)
        return await service.open_browser(tx, login, previous=call.caller.browser)

    cookie = await world.db.write(change)
    return pages.redirect(call, "/", session_cookie=cookie)


def _form(call: Call[NoParams] | Call[PasswordParams], wrong: str = "", status: int = 200) -> Reply:
    return pages.page(call, "password.html", status=status, wrong=wrong)


def _log_in(call: Call[NoParams] | Call[PasswordParams]) -> Reply:
    return pages.redirect(call, f"/login?redirect_url={HERE}")
