"""Logging in and out with a browser, and the page on which users change their password."""

import base64
from functools import partial
from typing import Any

import msgspec

from talkd.areas.login import service, view
from talkd.areas.login.credentials import Credentials
from talkd.areas.login.model import local_path
from talkd.areas.users import password_model as policy
from talkd.areas.users import passwords
from talkd.conversation.login import Login
from talkd.core.errors import NotAuthenticated, Rejected, Throttled
from talkd.web import auth, pages
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("pages", base="", kind=Kind.PLAIN)

PASSWORD_PAGE = "/password"
WRONG = "login.wrong"
NOT_CURRENT = "password.not_current"
APP_PASSWORD = "login.is_app"
TRY_AGAIN = "login.late"
"""The texts of what can be wrong with a form."""


class LoginPageParams(msgspec.Struct, frozen=True):
    """The path to open after logging in, and an account name to fill in."""

    redirect_url: str = "/"
    user: str = ""


class LoginParams(msgspec.Struct, frozen=True):
    """The login form."""

    user: str = ""
    password: str = ""
    requesttoken: str = ""
    redirect_url: str = "/"


class LogoutParams(msgspec.Struct, frozen=True):
    """The request token of the page, and the path to open after logging out."""

    requesttoken: str = ""
    redirect_url: str = "/"


class PasswordParams(msgspec.Struct, frozen=True):
    """The password form: the current password, and the new one twice."""

    current: str = ""
    new: str = ""
    again: str = ""
    requesttoken: str = ""


# --- logging in -----------------------------------------------------------------------------
@routes.add("GET", "/login", Guard.NO_LOGIN, params=LoginPageParams, access=Access.OWN)
async def show_login(call: Call[LoginPageParams]) -> Reply:
    """Show the login form, or redirect a browser that is logged in already."""
    if call.caller.by_cookie:
        return pages.redirect(call, local_path(call.params.redirect_url))
    return login_form(call, user=call.params.user, redirect_url=call.params.redirect_url)


@routes.add("POST", "/login", Guard.NO_LOGIN, params=LoginParams, access=Access.OWN)
async def log_in(call: Call[LoginParams]) -> Reply:
    """Log this browser in. It always gets a new cookie, so nobody can plant a cookie that they know beforehand."""
    params, world = call.params, call.world
    refuse = partial(login_form, call, user=params.user, redirect_url=params.redirect_url, status=403)
    if not pages.is_own_form(call, params.requesttoken):
        return refuse(problem=TRY_AGAIN)
    try:
        login = await check_password(call, params.user, params.password)
    except Throttled as error:
        return pages.must_wait(call, error)
    if login is None or login.app_password_id is not None:
        return refuse(problem=APP_PASSWORD if login else WRONG)
    try:
        cookie = await world.db.write(lambda tx: service.open_browser(tx, login, previous=call.caller.browser))
    except NotAuthenticated:
        return refuse(problem=WRONG)
    world[Credentials].forget_browser(call.caller.browser)
    return pages.redirect(call, local_path(params.redirect_url), session_cookie=cookie)


async def check_password(call: Call[Any], user: str, password: str) -> Login | None:
    """Return the login for the name and password of a form, or None if they are wrong.

    Wrong passwords are counted. Raises Throttled after too many of them.
    """
    world, address = call.world, call.caller.address
    header = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    if "\x00" in user:
        return None
    return await auth.check_credentials(
        world.logins, world.throttle, user.strip(), password, authorization=header, address=address
    )


def login_form(
    call: Call[Any],
    *,
    redirect_url: str,
    user: str = "",
    client: str = "",
    problem: str = "",
    status: int = 200,
    takes_app_password: bool = False,
) -> Reply:
    """Return the page with the login form. `client` is the name of the app that is to be connected, if any."""
    return pages.page(
        call,
        "login.html",
        status=status,
        client=client,
        login_name=user,
        wrong=problem,
        redirect_url=local_path(redirect_url),
        app_token_form=takes_app_password,
    )


# --- logging out ----------------------------------------------------------------------------
@routes.add("GET", "/logout", Guard.NO_LOGIN, params=LogoutParams, access=Access.OWN)
async def show_logout(call: Call[LogoutParams]) -> Reply:
    """Log out at once if the link carries the request token. Otherwise ask first."""
    if not call.caller.by_cookie:
        return pages.redirect(call, "/")
    if pages.is_own_form(call, call.params.requesttoken):
        return await _log_out(call)
    return pages.page(call, "logout.html")


@routes.add("POST", "/logout", Guard.NO_LOGIN, params=LogoutParams, access=Access.OWN)
async def log_out(call: Call[LogoutParams]) -> Reply:
    """Log this browser out."""
    if not call.caller.by_cookie:
        return pages.redirect(call, local_path(call.params.redirect_url))
    if not pages.is_own_form(call, call.params.requesttoken):
        return pages.page(call, "logout.html", status=403)
    return await _log_out(call)


async def _log_out(call: Call[LogoutParams]) -> Reply:
    browser, user_id = call.caller.browser, call.caller.user_id
    if user_id is not None:
        await call.write(lambda tx: service.close_browser(tx, user_id, browser))
    call.world[Credentials].forget_browser(browser)
    return pages.redirect(call, local_path(call.params.redirect_url), session_cookie="")


@routes.add("GET", "/csrftoken", Guard.NO_LOGIN, access=Access.OWN, returns=view.Token)
async def get_request_token(call: Call[NoParams]) -> Reply:
    """Return the request token. Operations need it, as header or field `requesttoken`, if the login is a cookie."""
    token, new_cookie = pages.request_token(call)
    return Reply(view.Token(token), session_cookie=new_cookie)


# --- changing the password ------------------------------------------------------------------
@routes.add("GET", PASSWORD_PAGE, Guard.NO_LOGIN, access=Access.OWN)
async def show_password_form(call: Call[NoParams]) -> Reply:
    """Show the form, or the login form first."""
    return _password_form(call) if call.caller.by_cookie else _log_in_first(call)


@routes.add("POST", PASSWORD_PAGE, Guard.NO_LOGIN, params=PasswordParams, access=Access.OWN)
async def change_password(call: Call[PasswordParams]) -> Reply:
    """Set a new password. The form asks for the current one, because a stranger may use the open browser."""
    if not call.caller.by_cookie:
        return _log_in_first(call)
    sent, world = call.params, call.world
    if not pages.is_own_form(call, sent.requesttoken):
        return _password_form(call, TRY_AGAIN, status=403)
    try:
        login = await check_password(call, call.user_id, sent.current)
    except Throttled as error:
        return pages.must_wait(call, error)
    if login is None or login.app_password_id is not None or login.user_id != call.user_id:
        return _password_form(call, APP_PASSWORD if login else NOT_CURRENT, status=403)
    if sent.new != sent.again:
        return _password_form(call, "password.differ", status=400)
    try:
        policy.require_account_password(sent.new, world.config.security)
    except Rejected:
        is_long = len(sent.new) > policy.MAX_PASSWORD_LENGTH
        return _password_form(call, "password.long" if is_long else "password.short", status=400)
    password_hash = await passwords.hash_password(sent.new)
    try:
        cookie = await world.db.write(lambda tx: service.change_password(tx, login, password_hash))
    except NotAuthenticated:
        return _password_form(call, NOT_CURRENT, status=403)
    return pages.redirect(call, "/", session_cookie=cookie)


def _password_form(call: Call[NoParams] | Call[PasswordParams], problem: str = "", status: int = 200) -> Reply:
    limits = {"least": call.world.config.security.password_min_length, "most": policy.MAX_PASSWORD_LENGTH}
    return pages.page(call, "password.html", status=status, wrong=problem, values=limits)


def _log_in_first(call: Call[NoParams] | Call[PasswordParams]) -> Reply:
    return pages.redirect(call, f"/login?redirect_url={PASSWORD_PAGE}")
