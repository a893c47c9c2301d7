"""App passwords over the API: get one, renew it, give it back."""

from talkd.areas.login import service
from talkd.areas.login.view import NewAppPassword
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Routes

routes = Routes("login", base="/core")


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
    """An app password in exchange for the account's own."""
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
    """A new secret for the calling app."""
    return NewAppPassword(await service.rotate_app_password(tx, call.user_id, call.caller.app_password_id))
