"""The two ways in which an app lets its user log in with a web page.

Login flow v2: the app opens a link in a browser, where the user agrees, and polls until it gets an app password. The
link contains the secret of the flow, so talkd stores nothing in the browser, and a flow that was opened in one browser
can be finished in another.

The classic flow: the app shows the pages itself, and reads the app password from the redirect to `nc://login/…`.
"""

from typing import Any

import msgspec

from talkd.areas.login import service, view
from talkd.areas.login.browser_routes import check_password, login_form
from talkd.areas.login.model import Flow, client_name_of
from talkd.core.errors import NotFound, Throttled
from talkd.core.names import folded
from talkd.storage.database import Tx
from talkd.web import auth, pages
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes
from talkd.web.throttle import STARTED_LOGIN

routes = Routes("login flow v2", base="/login/v2", kind=Kind.PLAIN)
classic_routes = Routes("classic login flow", base="/login/flow", kind=Kind.PLAIN)

CLASSIC_GRANT = "/login/flow/grant"


class PollParams(msgspec.Struct, frozen=True):
    """The app's secret of a flow v2."""

    token: str = ""


class FlowParams(msgspec.Struct, frozen=True):
    """The browser's secret of a flow v2."""

    flow: str = ""


class GrantParams(msgspec.Struct, frozen=True):
    """The form with which the user agrees to a flow v2."""

    flow: str = ""
    requesttoken: str = ""


class ClassicParams(msgspec.Struct, frozen=True):
    """What apps add to the address of the classic flow.

    `direct` is accepted and ignored: all pages of this flow are made to be shown by an app.
    """

    user: str = ""
    direct: str = ""


class ClassicGrantParams(msgspec.Struct, frozen=True):
    """The form with which the user agrees to a classic flow."""

    requesttoken: str = ""


class AppPasswordParams(msgspec.Struct, frozen=True):
    """The form for users who have an app password already."""

    user: str = ""
    password: str = ""
    requesttoken: str = ""


# --- login flow v2 --------------------------------------------------------------------------
@routes.add("POST", "", Guard.NO_LOGIN, access=Access.OWN, returns=view.NewFlow, errors=(429,))
async def start_flow(call: Call[NoParams]) -> view.NewFlow:
    """Start a flow. Return the link for the user's browser, and the address to poll."""
    world, user_agent = call.world, call.header("user-agent")
    await world.throttle.spend(STARTED_LOGIN, call.caller.address)  # anybody may start one, and each is stored
    started = await world.db.write(lambda tx: service.start_flow(tx, user_agent))
    return view.new_flow(started, call.base_url)


@routes.add("POST", "poll", Guard.NO_LOGIN, params=PollParams, access=Access.OWN, returns=view.Granted, errors=(404,))
async def poll(call: Call[PollParams]) -> view.Granted:
    """Return the app password once. Answers 404 before the user has agreed, and afterwards."""
    token, db = call.params.token, call.world.db
    if not await db.read(lambda tx: service.is_granted(tx, token)):
        raise NotFound
    return view.granted(await db.write(lambda tx: service.finish_flow(tx, token)), call.base_url)


@routes.add("GET", "flow/{flow}", Guard.NO_LOGIN, params=FlowParams)
async def show_flow(tx: Tx, call: Call[FlowParams]) -> Reply:
    """Show the page that the app opens in a browser: the login form if needed, then the question."""
    try:
        flow = await service.access_flow(tx, call.params.flow)
    except NotFound:
        return _link_expired(call)
    return _flow_page(call, flow)


@routes.add("POST", "grant", Guard.NO_LOGIN, params=GrantParams)
async def grant(tx: Tx, call: Call[GrantParams]) -> Reply:
    """Note that the user agreed. The app's next poll gets an app password."""
    try:
        if not call.caller.by_cookie or not pages.is_own_form(call, call.params.requesttoken):
            return _flow_page(call, await service.access_flow(tx, call.params.flow))
        flow = await service.grant_flow(tx, call.params.flow, call.user_id)
    except NotFound:
        return _link_expired(call)
    call.count(Limit.APP_PASSWORDS)  # an error here also undoes the grant
    return pages.message(call, "app.connected", client=flow.client_name)


def _flow_page(call: Call[FlowParams] | Call[GrantParams], flow: Flow) -> Reply:
    here = f"/login/v2/flow/{call.params.flow}"
    if not call.caller.by_cookie:
        return login_form(call, redirect_url=here, client=flow.client_name)
    return _grant_page(call, client=flow.client_name, action="/login/v2/grant", flow=call.params.flow, again=here)


def _link_expired(call: Call[FlowParams] | Call[GrantParams]) -> Reply:
    return pages.message(call, "app.expired", status=404)


# --- the classic flow -----------------------------------------------------------------------
@classic_routes.add("GET", "", Guard.NO_LOGIN, params=ClassicParams, access=Access.OWN)
async def show_classic_flow(call: Call[ClassicParams]) -> Reply:
    """Show the first page of the flow: the login form, unless the user that the app names is logged in."""
    if call.caller.by_cookie and folded(call.params.user) in ("", folded(call.user_id)):
        return pages.redirect(call, CLASSIC_GRANT)
    return _classic_login(call, call.params.user)


@classic_routes.add("GET", "grant", Guard.NO_LOGIN, access=Access.OWN)
async def show_classic_grant(call: Call[NoParams]) -> Reply:
    """Ask the user whether to connect the app, after the login form if needed."""
    return _classic_grant(call) if call.caller.by_cookie else _classic_login(call)


@classic_routes.add("POST", "", Guard.NO_LOGIN, params=ClassicGrantParams)
async def grant_classic_flow(tx: Tx, call: Call[ClassicGrantParams]) -> Reply:
    """Redirect to the address that contains a new app password, after the user agreed."""
    if not call.caller.by_cookie:
        return _classic_login(call)
    if not pages.is_own_form(call, call.params.requesttoken):
        return _classic_grant(call)
    call.count(Limit.APP_PASSWORDS)
    password = await service.create_app_password(tx, call.user_id, _client(call))
    return pages.redirect(call, view.app_address(call.base_url, call.user_id, password))


@classic_routes.add("POST", "apptoken", Guard.NO_LOGIN, params=AppPasswordParams, access=Access.OWN)
async def log_in_by_app_password(call: Call[AppPasswordParams]) -> Reply:
    """Redirect to the address that contains the app password which the user typed."""
    params = call.params
    if not pages.is_own_form(call, params.requesttoken):
        return _classic_login(call, params.user, "login.app.send", status=403)
    try:
        login = await check_password(call, params.user, params.password)
    except Throttled as error:
        return pages.must_wait(call, error)
    if login is None or login.app_password_id is None:
        if login is not None:
            await call.world.throttle.register(auth.LOGIN, call.caller.address)
        return _classic_login(call, params.user, "login.app.wrong", status=403)
    return pages.redirect(call, view.app_address(call.base_url, login.user_id, params.password))


def _classic_login(call: Call[Any], user: str = "", problem: str = "", status: int = 200) -> Reply:
    return login_form(
        call,
        redirect_url=CLASSIC_GRANT,
        user=user,
        client=_client(call),
        problem=problem,
        status=status,
        takes_app_password=True,
    )


def _classic_grant(call: Call[Any]) -> Reply:
    return _grant_page(call, client=_client(call), action="/login/flow", flow="", again="/login/flow")


def _client(call: Call[Any]) -> str:
    return client_name_of(call.header("user-agent"))


def _grant_page(call: Call[Any], *, client: str, action: str, flow: str, again: str) -> Reply:
    """Ask whether to connect an app. `again` is the page to return to if the user logs in with another account."""
    return pages.page(call, "grant.html", client=client, action=action, flow=flow, again=again)
