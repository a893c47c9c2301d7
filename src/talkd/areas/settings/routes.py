"""Operations on the settings of the server, for administrators, and on the preferences of users."""

from typing import Any

import msgspec

from talkd.areas.settings import service, view
from talkd.areas.settings.view import SettingView
from talkd.conversation.settings import APP, APPS
from talkd.core.errors import NULL, Invalid
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.params import NoParams, Scalar
from talkd.web.routing import Guard, Routes

routes = Routes("settings", base="/apps")

CONFIG = "provisioning_api/api/v1/config"


class AppPath(msgspec.Struct):
    """An app."""

    app: str


class KeyPath(msgspec.Struct):
    """A setting of an app."""

    app: str
    key: str


class Lookup(msgspec.Struct):
    """A setting of an app, and what to answer if it is at its default."""

    app: str
    key: str
    defaultValue: str = ""


class NewValue(msgspec.Struct):
    """A new value of a setting."""

    app: str
    key: str
    value: Scalar


class NewPreference(msgspec.Struct):
    """A new value of a preference."""

    app: str
    key: str
    configValue: Scalar


class Preference(msgspec.Struct):
    """A new value of a preference, with the parameters of Talk's own operation."""

    key: Scalar
    value: Scalar | None = None


@routes.add("POST", "spreed/api/v1/settings/user", Guard.USER, params=Preference)
async def set_preference(tx: Tx, call: Call[Preference]) -> Any:
    """Set a preference of the caller."""
    await service.set_preference(tx, call.user_id, call.params.key, call.params.value)


@routes.add("POST", f"{CONFIG}/users/{{app}}/{{key}}", Guard.USER, params=NewPreference)
async def set_user_config(tx: Tx, call: Call[NewPreference]) -> Any:
    """Set a preference of the caller, through the provisioning API."""
    _require_talk(call.params.app)
    await service.set_preference(tx, call.user_id, call.params.key, call.params.configValue)
    return []


@routes.add("DELETE", f"{CONFIG}/users/{{app}}/{{key}}", Guard.USER, params=KeyPath)
async def delete_user_config(tx: Tx, call: Call[KeyPath]) -> Any:
    """Reset a preference of the caller to its default."""
    _require_talk(call.params.app)
    await service.delete_preference(tx, call.user_id, call.params.key)
    return []


def _require_talk(app: str) -> None:
    if app != APP:
        raise Invalid(data=NULL)


@routes.add("GET", "talkd/api/v1/settings", Guard.ADMIN, returns=list[SettingView])
async def list_settings(tx: Tx, _call: Call[NoParams]) -> list[SettingView]:
    """List all settings with their form and value, with secrets masked."""
    return [view.setting(described) for described in await service.list_described(tx)]


@routes.add("GET", f"{CONFIG}/apps", Guard.ADMIN)
async def list_apps(_tx: Tx, _call: Call[NoParams]) -> Any:
    """List the apps that have settings."""
    return {"data": list(APPS)}


@routes.add("GET", f"{CONFIG}/apps/{{app}}", Guard.ADMIN, params=AppPath)
async def list_keys(tx: Tx, call: Call[AppPath]) -> Any:
    """List the settings of an app that are not at their default."""
    return {"data": sorted(await service.get_all(tx, call.params.app))}


@routes.add("GET", f"{CONFIG}/apps/{{app}}/{{key}}", Guard.ADMIN, params=Lookup)
async def get_value(tx: Tx, call: Call[Lookup]) -> Any:
    """Get a setting, with secrets masked."""
    values = await service.get_shown(tx, call.params.app)
    return {"data": values.get(call.params.key, call.params.defaultValue)}


@routes.add("POST", f"{CONFIG}/apps/{{app}}/{{key}}", Guard.ADMIN, params=NewValue)
async def set_value(tx: Tx, call: Call[NewValue]) -> Any:
    """Set a setting, from the next request on."""
    await service.set_value(tx, call.params.key, str(call.params.value), call.params.app)
    return []


@routes.add("DELETE", f"{CONFIG}/apps/{{app}}/{{key}}", Guard.ADMIN, params=KeyPath)
async def delete_value(tx: Tx, call: Call[KeyPath]) -> Any:
    """Reset a setting to its default."""
    await service.delete_value(tx, call.params.key, call.params.app)
    return []
