"""Operations of administrators on the logins of accounts, and on sources that must wait after too many attempts."""

from typing import Any

import msgspec

from talkd.areas.login import admin_service as service
from talkd.areas.login.admin_view import LoginView, ThrottleView, logins
from talkd.areas.provisioning.routes import UserPath, api_caller
from talkd.core.errors import NotFound
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import Access, Guard, Routes
from talkd.web.throttle import ACCOUNT

routes = Routes("administration", base="/apps/talkd/api")


class Page(msgspec.Struct, frozen=True):
    """Which part of a list to return."""

    limit: int = 100
    offset: int = 0


class Source(msgspec.Struct, frozen=True):
    """Attempts of an action from a source."""

    action: str = ""
    source: str = ""


@routes.add("GET", "accounts/{user_id}/logins", Guard.ADMIN, versions=("v1",), params=UserPath, returns=list[LoginView])
async def list_logins(tx: Tx, call: Call[UserPath]) -> list[LoginView]:
    """List the browsers and apps that are logged in to an account, the most recently used first."""
    return logins(*await service.list_logins(tx, api_caller(call), call.params.user_id))


@routes.add("DELETE", "accounts/{user_id}/logins", Guard.ADMIN, versions=("v1",), params=UserPath)
async def end_logins(tx: Tx, call: Call[UserPath]) -> Any:
    """Log an account out of all browsers and apps."""
    await service.end_logins(tx, api_caller(call), call.params.user_id)
    return []


@routes.add(
    "GET",
    "throttles",
    Guard.ADMIN,
    versions=("v1",),
    params=Page,
    access=Access.OWN,
    returns=list[ThrottleView],
)
async def list_throttles(call: Call[Page]) -> list[ThrottleView]:
    """List failed attempts that count now. Sources that must wait come first."""
    wanted, first = call.params, max(call.params.offset, 0)
    found = call.world.throttle.list_counted()[first : first + max(wanted.limit, 0)]
    accounts = [each.source for each in found if each.action == ACCOUNT]
    names = await call.world.db.read_aside(lambda tx: service.name_accounts(tx, accounts))
    return [
        ThrottleView(each.action, each.source, names.get(each.source, ""), each.attempts, each.seconds, each.is_refused)
        for each in found
    ]


@routes.add("DELETE", "throttles", Guard.ADMIN, versions=("v1",), params=Source, access=Access.OWN, errors=(404,))
async def forget_throttle(call: Call[Source]) -> Any:
    """Forget the failed attempts of a source, so that it need not wait."""
    service.require_confirmed(api_caller(call))
    if not await call.world.throttle.forget(call.params.action, call.params.source):
        raise NotFound
    return []
