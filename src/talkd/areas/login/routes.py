"""Operations with which apps manage their own app password, and remote wipe."""

import msgspec

from talkd.areas.login import service
from talkd.areas.login.view import NewAppPassword, Wipe
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("login", base="/core")
wipe_routes = Routes("remote wipe", base="/core/wipe", kind=Kind.PLAIN)


class WipeParams(msgspec.Struct, frozen=True):
    """The app password of an app that was logged out."""

    token: str = ""


@routes.add(
    "GET",
    "getapppassword",
    Guard.USER,
    access=Access.WRITE,
    limit=Limit.APP_PASSWORDS,
    returns=NewAppPassword,
    errors=(401, 403),
)
async def create_app_password(tx: Tx, call: Call[NoParams]) -> NewAppPassword:
    """Return a new app password to an app that sent the account's password."""
    password = await service.exchange_password(
        tx,
        call.user_id,
        call.header("user-agent"),
        app_password_id=call.caller.app_password_id,
        by_cookie=call.caller.by_cookie,
    )
    return NewAppPassword(password)


@routes.add("DELETE", "apppassword", Guard.USER, errors=(401, 403))
async def delete_app_password(tx: Tx, call: Call[NoParams]) -> list[str]:
    """Log the calling app out."""
    await service.delete_own_app_password(tx, call.user_id, call.caller.app_password_id)
    return []


@routes.add("POST", "apppassword/rotate", Guard.USER, returns=NewAppPassword, errors=(401, 403))
async def rotate_app_password(tx: Tx, call: Call[NoParams]) -> NewAppPassword:
    """Replace the app password of the calling app."""
    return NewAppPassword(await service.rotate_app_password(tx, call.user_id, call.caller.app_password_id))


@wipe_routes.add("POST", "check", Guard.NO_LOGIN, params=WipeParams, access=Access.READ, returns=Wipe, errors=(404,))
async def check_wipe(tx: Tx, call: Call[WipeParams]) -> Wipe:
    """Tell an app that its owner asked to erase its data. Answers 404 in all other cases."""
    await service.require_wipe(tx, call.params.token)
    return Wipe()


@wipe_routes.add("POST", "success", Guard.NO_LOGIN, params=WipeParams, errors=(404,))
async def finish_wipe(tx: Tx, call: Call[WipeParams]) -> list[str]:
    """Note that the app has erased its data."""
    await service.finish_wipe(tx, call.params.token)
    return []
