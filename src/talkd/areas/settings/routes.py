"""Settings of the server for administrators, and what users choose for themselves."""

from typing import Any

import msgspec

from talkd.areas.settings import service
from talkd.conversation.settings import APP, APPS
from talkd.core.errors import NULL, Invalid
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.params import NoParams, Scalar
from talkd.web.routing import Guard, Routes

routes = Routes("settings", base="/apps")

CONFIG = "provisioning_api/api/v1/config"


class AppPath(msgspec.Struct):
    """One app."""

    app: str


class KeyPath(msgspec.Struct):
    """One setting of one app."""

    app: str
    key: str


class Lookup(msgspec.Struct):
    """One setting, and what to say when it is at its default."""

    app: str
    key: str
    defaultValue: str = ""


class NewValue(msgspec.Struct):
    """A value for one setting."""

    app: str
    key: str
    value: Scalar


class NewPreference(msgspec.Struct):
    """A value for one of the user's own settings."""

    app: str
    key: str
    configValue: Scalar


class Preference(msgspec.Struct):
    """The same, the way Talk's own operation takes it."""

    key: Scalar
    value: Scalar | None = None


@routes.add("POST", "spreed/api/v1/settings/user", Guard.USER, params=Preference)
async def set_preference(tx: Tx, call: Call[Preference]) -> Any:
    """Choose something for oneself."""
    await service.set_preference(tx, call.user_id, call.params.key, call.params.value)


@routes.add("POST", f"{CONFIG}/users/{{app}}/{{key}}", Guard.USER, params=NewPreference)
async def set_user_config(tx: Tx, call: Call[NewPreference]) -> Any:
    """Choose something for oneself, through the provisioning API."""
    _require_talk(call.params.app)
    await service.set_preference(tx, call.user_id, call.params.key, call.params.configValue)
    return []


@routes.add("DELETE", f"{CONFIG}/users/{{app}}/{{key}}", Guard.USER, params=KeyPath)
async def delete_user_config(tx: Tx, call: Call[KeyPath]) -> Any:
    """Go back to the default."""
    _require_talk(call.params.app)
    await service.delete_preference(tx, call.user_id, call.params.key)
    return []


def _require_talk(app: str) -> None:
    if app != APP:
        raise Invalid(data=NULL)


@routes.add("GET", f"{CONFIG}/apps", Guard.ADMIN)
async def list_apps(_tx: Tx, _call: Call[NoParams]) -> Any:
    """Apps that have settings."""
    return {"data": list(APPS)}


@routes.add("GET", f"{CONFIG}/apps/{{app}}", Guard.ADMIN, params=AppPath)
async def list_keys(tx: Tx, call: Call[AppPath]) -> Any:
    """Settings of an app that are not at their default."""
    service.require_app(call.params.app)
    return {"data": sorted(await service.get_all(tx, call.params.app))}


@routes.add("GET", f"{CONFIG}/apps/{{app}}/{{key}}", Guard.ADMIN, params=Lookup)
async def get_value(tx: Tx, call: Call[Lookup]) -> Any:
    """One setting, without the secrets in it."""
    service.require_app(call.params.app)
    values = await service.get_shown(tx, call.params.app)
    return {"data": values.get(call.params.key, call.params.defaultValue)}


@routes.add("POST", f"{CONFIG}/apps/{{app}}/{{key}}", Guard.ADMIN, params=NewValue)
async def set_value(tx: Tx, call: Call[NewValue]) -> Any:
    """Set a setting; it works for the very next request."""
    service.require_app(call.params.app)
    await service.set_value(tx, call.params.key, str(call.params.value), call.params.app)
    return []


@routes.add("DELETE", f"{CONFIG}/apps/{{app}}/{{key}}", Guard.ADMIN, params=KeyPath)
async def delete_value(tx: Tx, call: Call[KeyPath]) -> Any:
    """Put a setting back to its default."""
    service.require_app(call.params.app)
    await service.delete_value(tx, call.params.key, call.params.app)
    return []
