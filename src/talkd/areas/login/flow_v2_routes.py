"""Login flow v2: the app asks for a link, its user agrees in a browser, the app's poll gets an app password.

The browser's part of the secret is in the link, so nothing has to be remembered between its pages, and a
flow that was begun in one browser can be finished after logging in there.
"""

import msgspec

from talkd.areas.login import service, view
from talkd.areas.login.model import Flow
from talkd.core.errors import NotFound
from talkd.storage.database import Tx
from talkd.web import pages
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("login flow v2", base="/login/v2", kind=Kind.PLAIN)


class PollParams(msgspec.Struct, frozen=True):
    """The app's part of the secret."""

    token: str = ""


class FlowParams(msgspec.Struct, frozen=True):
    """The browser's part of the secret."""

    flow: str = ""


class GrantParams(msgspec.Struct, frozen=True):
    """The form by which the user agrees."""

    flow: str = ""
    requesttoken: str = ""


STARTED = "login-flow"
"""The action that begun logins count under: anybody can begin one, and each is kept for a while."""


@routes.add("POST", "", Guard.NO_LOGIN, access=Access.OWN, returns=view.NewFlow, errors=(429,))
async def start_flow(call: Call[NoParams]) -> view.NewFlow:
    """Begin: a link for the user's browser, and where to ask for the outcome."""
    world, user_agent = call.world, call.header("user-agent")
    await world.throttle.spend(STARTED, call.caller.address, world.config.security.started_logins)
    started = await world.db.write(lambda tx: service.start_flow(tx, user_agent))
    return view.new_flow(started, call.base_url)


@routes.add("POST", "poll", Guard.NO_LOGIN, params=PollParams, access=Access.OWN, returns=view.Granted, errors=(404,))
async def poll(call: Call[PollParams]) -> view.Granted:
    """The outcome, once; 404 until the user agreed."""
    token, db = call.params.token, call.world.db
    if not await db.read(lambda tx: service.is_granted(tx, token)):
        raise NotFound
    return view.granted(await db.write(lambda tx: service.finish_flow(tx, token)), call.base_url)


@routes.add("GET", "flow/{flow}", Guard.NO_LOGIN, params=FlowParams)
async def show_flow(tx: Tx, call: Call[FlowParams]) -> Reply:
    """The page that the app opens in a browser: log in if need be, then agree."""
    try:
        flow = await service.access_flow(tx, call.params.flow)
    except NotFound:
        return _is_gone(call)
    return _page(call, flow)


@routes.add("POST", "grant", Guard.NO_LOGIN, params=GrantParams)
async def grant(tx: Tx, call: Call[GrantParams]) -> Reply:
    """The user agrees."""
    try:
        flow = await service.access_flow(tx, call.params.flow)
        if not call.caller.by_cookie or not pages.is_own_form(call, call.params.requesttoken):
            return _page(call, flow)
        call.count(Limit.APP_PASSWORDS)
        await service.grant_flow(tx, call.params.flow, call.user_id)
    except NotFound:
        return _is_gone(call)
    return pages.message(call, "Connected", f"{flow.client_name} is logged in now. You can close this window.")


def _page(call: Call[FlowParams] | Call[GrantParams], flow: Flow) -> Reply:
    here = f"/login/v2/flow/{call.params.flow}"
    if not call.caller.by_cookie:
        return pages.page(
            call,
            "login.html",
            client=flow.client_name,
            login_name="",
            wrong="",
            redirect_url=here,
            app_token_form=False,
        )
    return pages.page(
        call, "grant.html", client=flow.client_name, action="/login/v2/grant", flow=call.params.flow, again=here
    )


def _is_gone(call: Call[FlowParams] | Call[GrantParams]) -> Reply:
    return pages.message(
        call,
        "This link is no longer valid",
        "It was used already, or more than 20 minutes have passed. Start to log in again in the app.",
        status=404,
    )
