"""The classic login flow: the app shows these pages itself and catches the redirect to `nc://login/…`."""

import msgspec

from talkd.areas.login import service, view
from talkd.areas.login.model import client_name_of
from talkd.areas.login.page_routes import check_password
from talkd.core.errors import Throttled
from talkd.core.names import folded
from talkd.storage.database import Tx
from talkd.web import auth, pages
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("classic login flow", base="/login/flow", kind=Kind.PLAIN)

GRANT = "/login/flow/grant"


class FlowParams(msgspec.Struct, frozen=True):
    """What apps add to the address. `direct` is accepted and changes nothing: every page here is direct."""

    user: str = ""
    direct: str = ""


class FormParams(msgspec.Struct, frozen=True):
    """The form by which the user agrees."""

    requesttoken: str = ""


class AppTokenParams(msgspec.Struct, frozen=True):
    """The form of somebody who has an app password already."""

    user: str = ""
    password: str = ""
    requesttoken: str = ""


@routes.add("GET", "", Guard.NO_LOGIN, params=FlowParams, access=Access.OWN)
async def show_flow(call: Call[FlowParams]) -> Reply:
    """Where apps begin: log in if need be, then agree."""
    if call.caller.by_cookie and folded(call.params.user) in ("", folded(call.user_id)):
        return pages.redirect(call, GRANT)
    return _login(call, call.params.user)


@routes.add("GET", "grant", Guard.NO_LOGIN, access=Access.OWN)
async def show_grant(call: Call[FlowParams]) -> Reply:
    """The question to the user."""
    return _grant(call) if call.caller.by_cookie else _login(call, "")


@routes.add("POST", "", Guard.NO_LOGIN, params=FormParams)
async def grant(tx: Tx, call: Call[FormParams]) -> Reply:
    """The user agrees: the app gets its password by a redirect."""
    if not call.caller.by_cookie:
        return _login(call, "")
    if not pages.is_own_form(call, call.params.requesttoken):
        return _grant(call)
    call.count(Limit.APP_PASSWORDS)
    password = await service.create_app_password(tx, call.user_id, _client(call))
    return pages.redirect(call, view.app_address(call.base_url, call.user_id, password))


@routes.add("POST", "apptoken", Guard.NO_LOGIN, params=AppTokenParams, access=Access.OWN)
async def log_in_by_app_password(call: Call[AppTokenParams]) -> Reply:
    """Hand an app password that the user has already over to the app."""
    params = call.params
    if not pages.is_own_form(call, params.requesttoken):
        return _login(call, params.user, "Please send the form again.", status=403)
    try:
        login = await check_password(call, params.user, params.password)
    except Throttled as error:
        return pages.must_wait(call, error)
    if login is None or login.app_password_id is None:
        if login is not None:
            await call.world.throttle.register(auth.LOGIN, call.caller.address)
        return _login(call, params.user, "This account name and app password do not fit together.", status=403)
    return pages.redirect(call, view.app_address(call.base_url, login.user_id, params.password))


def _client(call: Call[FlowParams] | Call[FormParams] | Call[AppTokenParams]) -> str:
    return client_name_of(call.header("user-agent"))


def _grant(call: Call[FlowParams] | Call[FormParams]) -> Reply:
    return pages.page(call, "grant.html", client=_client(call), action="/login/flow", flow="", again="/login/flow")


def _login(
    call: Call[FlowParams] | Call[FormParams] | Call[AppTokenParams], user: str, wrong: str = "", status: int = 200
) -> Reply:
    return pages.page(
        call,
        "login.html",
        status=status,
        client=_client(call),
        login_name=user,
        wrong=wrong,
        redirect_url=GRANT,
        app_token_form=True,
    )
