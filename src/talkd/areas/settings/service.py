"""Read and change settings, preferences and facts of the installation, and outdate the caches of all processes.

Functions that take an `app` raise Forbidden if it has no settings in talkd.
"""

from collections.abc import Callable, Sequence

import msgspec

from talkd.areas.settings import store
from talkd.areas.settings.enumeration_model import Enumeration, enumeration_of
from talkd.areas.settings.model import Described
from talkd.conversation.server_lists import find_problem, with_kept_secrets
from talkd.conversation.setting_values import CORE_SETTINGS, SETTINGS, default_of, masked, problem_of
from talkd.conversation.settings import (
    APP,
    APPS,
    CORE,
    PREFERENCES,
    READ_PRIVACY,
    TYPING_PRIVACY,
    TalkSettings,
    is_preference,
)
from talkd.conversation.standing import EPOCH
from talkd.core import clock, ids
from talkd.core.errors import NULL, Forbidden, Invalid
from talkd.core.events import CachesOutdated, ReadPrivacySet, SettingSet
from talkd.storage.database import Tx

_WELCOMED = ("talkd", "welcomed")
"""App and key of the preference that records that the user has been given their first rooms."""
ATTACHMENT_FOLDER = "/Talk"
"""The folder for files that users send, if they have not chosen another."""


async def get_all(tx: Tx, app: str = APP) -> dict[str, str]:
    """Return all settings of an app that are not at their default."""
    require_app(app)
    return await store.get_values(tx, app)


async def get_shown(tx: Tx, app: str = APP) -> dict[str, str]:
    """Return all settings of an app that are not at their default, with secrets masked."""
    return {key: masked(key, value) for key, value in (await get_all(tx, app)).items()}


async def list_described(tx: Tx) -> list[Described]:
    """List all settings of all apps, with secrets masked."""
    described = []
    for app, known in ((APP, SETTINGS), (CORE, CORE_SETTINGS)):
        values = await get_shown(tx, app)
        described += [Described(app, key, form, default_of(key, form), values.get(key)) for key, form in known.items()]
    return described


async def get_settings(tx: Tx) -> TalkSettings:
    """Read the settings of Talk from the database. Operations can use `World.talk_settings` in memory instead."""
    talk_settings = TalkSettings()
    talk_settings.replace(await get_all(tx))
    return talk_settings


async def set_value(tx: Tx, key: str, value: str, app: str = APP) -> None:
    """Set a setting, from the next request on. Raises Invalid.

    Where secrets in a list of servers are masked, those that are stored are kept.
    """
    require_app(app)
    value = with_kept_secrets(key, value, (await store.get_values(tx, app)).get(key, ""))
    require_value(key, value, app)
    await store.set_value(tx, app, key, value)
    await tx.emit(SettingSet(app, key, value))
    await outdate_caches(tx)


async def delete_value(tx: Tx, key: str, app: str = APP) -> None:
    """Reset a setting to its default."""
    require_app(app)
    await store.delete_value(tx, app, key)
    await tx.emit(SettingSet(app, key, None))
    await outdate_caches(tx)


async def get_enumeration(tx: Tx) -> Enumeration:
    """Return which accounts users may find."""
    return enumeration_of(await store.get_values(tx, CORE))


def require_app(app: str) -> None:
    """Raises Forbidden for an app that has no settings in talkd."""
    if app not in APPS:
        raise Forbidden(data={"data": {"message": f"Only settings of {' and '.join(APPS)} can be used."}})


def require_value(key: str, value: str, app: str = APP) -> None:
    """Raises Invalid, with a sentence, for an unknown setting and for a value that it cannot have.

    In a list of servers, the error also names the part that is wrong.
    """
    known = SETTINGS if app == APP else CORE_SETTINGS
    problem = problem_of(known, key, value)
    if problem:
        place = find_problem(str(known.get(key)), value)
        parts = {} if place is None else msgspec.to_builtins(place)
        raise Invalid("value", message=problem, data={"data": {"message": problem, **parts}})


async def set_preference(tx: Tx, user_id: str, key: str, value: str | None) -> None:
    """Set a preference of a user. Raises Invalid for unknown keys and values.

    The read privacy is also copied to the user's attendees, because every message reads it from there.
    """
    if value is None or not is_preference(key, value):
        raise Invalid(data=NULL)
    if key == READ_PRIVACY:
        await store.set_read_privacy(tx, user_id, int(value))
        await tx.emit(ReadPrivacySet(user_id))
    elif key == TYPING_PRIVACY:
        await store.set_typing_privacy(tx, user_id, int(value))
    else:
        await store.set_user_value(tx, user_id, APP, key, value)


async def get_preferences(tx: Tx, user_id: str) -> dict[str, str]:
    """Return the preferences of a user, apart from read and typing privacy, which belong to the account."""
    return await store.get_user_values(tx, user_id, APP)


async def get_value_of_user(tx: Tx, user_id: str, app: str, key: str) -> str | None:
    """Return a value that administrators set for a user, or None. It is deleted with the account."""
    return await store.get_user_value(tx, user_id, app, key)


async def get_values_of_users(tx: Tx, user_ids: Sequence[str], app: str, key: str) -> dict[str, str]:
    """Return a value that administrators set for these users, by user. Those without it are left out."""
    return await store.get_values_of_users(tx, user_ids, app, key) if user_ids else {}


async def set_value_of_user(tx: Tx, user_id: str, app: str, key: str, value: str | None) -> None:
    """Set a value for a user as an administrator. None removes it."""
    if value is None:
        await store.delete_user_value(tx, user_id, app, key)
    else:
        await store.set_user_value(tx, user_id, app, key, value)


async def get_attachment_folder(tx: Tx, user_id: str) -> str:
    """Return the folder in which a user's apps put the files that they send."""
    return (await get_preferences(tx, user_id)).get("attachment_folder") or ATTACHMENT_FOLDER


async def delete_preference(tx: Tx, user_id: str, key: str) -> None:
    """Reset a preference to its default. Raises Invalid for unknown keys."""
    if key in (READ_PRIVACY, TYPING_PRIVACY):
        await set_preference(tx, user_id, key, "0")
    elif key in PREFERENCES:
        await store.delete_user_value(tx, user_id, APP, key)
    else:
        raise Invalid(data=NULL)


async def is_welcomed(tx: Tx, user_id: str) -> bool:
    """Return True if the user has been given their first rooms, even if they have deleted them since."""
    return await store.get_user_value(tx, user_id, *_WELCOMED) is not None


async def add_welcomed(tx: Tx, user_id: str) -> bool:
    """Store that the user has been given their first rooms. Return False if that was stored before."""
    return await store.add_user_value(tx, user_id, *_WELCOMED, str(clock.now()))


async def outdate_caches(tx: Tx, user_id: str = "") -> None:
    """Make all processes clear their caches, because settings, passwords or roles have changed.

    `user_id`: the account that has changed, or empty for any.
    """
    epoch = ids.text(16)
    await tx.emit(CachesOutdated(epoch, user_id))  # first: its effects lock rooms, which are locked before this row
    await store.set_fact(tx, EPOCH, epoch)


async def get_epoch(tx: Tx) -> str:
    """Return the epoch. It is another one after every change of settings, passwords or roles."""
    return await store.get_fact(tx, EPOCH) or ""


async def find_fact(tx: Tx, key: str) -> str | None:
    """Return a stored fact of this installation, or None. Writes nothing."""
    return await store.get_fact(tx, key)


async def get_fact(tx: Tx, key: str, make: Callable[[], str]) -> str:
    """Return a fact of this installation. Make and store it if there is none yet."""
    fact = await store.get_fact(tx, key)
    return fact if fact is not None else await store.add_fact(tx, key, make())


async def get_secret(tx: Tx, name: str) -> str:
    """Return a secret of this installation. Make and store it if there is none yet."""
    return await get_fact(tx, f"secret:{name}", ids.new_secret)
