"""Logging in and out with a browser."""

import base64
from typing import Any

import msgspec

from talkd.areas.login import service, view
from talkd.areas.login.credentials import Credentials
from talkd.areas.login.model import local_path
from talkd.conversation.login import Login
from talkd.core.errors import Throttled
from talkd.web import auth, pages
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("pages", base="", kind=Kind.PLAIN)

WRONG = "Wrong account name or password."
APPS_OWN = "That is the password of an app. Please use the one of your account."
AGAIN = "The form was open for too long. Please try again."


class LoginPageParams(msgspec.Struct, frozen=True):
    """Where to go afterwards, a path of this server, and a name to fill in."""

    redirect_url: str = "/"
    user: str = ""


class LoginParams(msgspec.Struct, frozen=True):
    """The login form."""

    user: str = ""
    password: str = ""
    requesttoken: str = ""
    redirect_url: str = "/"


class LogoutParams(msgspec.Struct, frozen=True):
    """Proof that the own page asks, and where to go afterwards."""

    requesttoken: str = ""
    redirect_url: str = "/"


@routes.add("GET", "/login", Guard.NO_LOGIN, params=LoginPageParams, access=Access.OWN)
async def show_login(call: Call[LoginPageParams]) -> Reply:
    """The login form; whoever is logged in goes on at once."""
    if call.caller.by_cookie:
        return pages.redirect(call, local_path(call.params.redirect_url))
    return _form(call, call.params.user, call.params.redirect_url)


@routes.add("POST", "/login", Guard.NO_LOGIN, params=LoginParams, access=Access.OWN)
async def log_in(call: Call[LoginParams]) -> Reply:
    """Log this browser in. The cookie's value is a fresh one each time, so none can be planted before."""
    params, world = call.params, call.world
    if not pages.is_own_form(call, params.requesttoken):
        return _form(call, params.user, params.redirect_url, AGAIN, status=403)
    try:
        login = await check_password(call, params.user, params.password)
    except Throttled as error:
        return pages.must_wait(call, error)
    if login is None or login.app_password_id is not None:
        return _form(call, params.user, params.redirect_url, APPS_OWN if login else WRONG, status=403)
    cookie = await world.db.write(lambda tx: service.open_browser(tx, login, previous=call.caller.browser))
    world[Credentials].forget_browser(call.caller.browser)
    return pages.redirect(call, local_path(params.redirect_url), session_cookie=cookie)


@routes.add("GET", "/logout", Guard.NO_LOGIN, params=LogoutParams, access=Access.OWN)
async def show_logout(call: Call[LogoutParams]) -> Reply:
    """Log out at once when the link carries the request token; else ask."""
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


@routes.add("GET", "/csrftoken", Guard.NO_LOGIN, access=Access.OWN, returns=view.Token)
async def get_request_token(call: Call[NoParams]) -> Reply:
    """What changes made with the browser's cookie must carry (header or field `requesttoken`)."""
    token, new_cookie = pages.request_token(call)
    return Reply(view.Token(token), session_cookie=new_cookie)


async def check_password(call: Call[Any], user: str, password: str) -> Login | None:
    """The login of somebody who filled in a form; a wrong one is counted. Raises Throttled."""
    world, address = call.world, call.caller.address
    header = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    if "\x00" in user:
        return None
    return await auth.check_credentials(
        world.logins, world.throttle, user.strip(), password, authorization=header, address=address
    )


async def _log_out(call: Call[LogoutParams]) -> Reply:
    browser, user_id = call.caller.browser, call.caller.user_id
    if user_id is not None:
        await call.write(lambda tx: service.close_browser(tx, user_id, browser))
    call.world[Credentials].forget_browser(browser)
    return pages.redirect(call, local_path(call.params.redirect_url), session_cookie="")


def _form(
    call: Call[LoginPageParams] | Call[LoginParams], user: str, redirect_url: str, wrong: str = "", status: int = 200
) -> Reply:
    return pages.page(
        call,
        "login.html",
        status=status,
        client="",
        login_name=user,
        wrong=wrong,
        redirect_url=local_path(redirect_url),
        app_token_form=False,
    )
