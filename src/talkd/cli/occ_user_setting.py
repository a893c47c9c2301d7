"""`talkd occ user:setting`: settings of an account, by app and key."""

import click

from talkd.areas.files import quota_service as quotas
from talkd.areas.files.quota_model import DEFAULT
from talkd.areas.settings import service as settings
from talkd.areas.users import service as users
from talkd.areas.users.model import Account
from talkd.cli.database import read, write
from talkd.cli.occ import Form, OccGroup, output, refuse, show
from talkd.config import Config
from talkd.conversation.settings import APP, PREFERENCES, READ_PRIVACY, TYPING_PRIVACY
from talkd.core.errors import Invalid
from talkd.core.names import cleaned
from talkd.storage.database import Tx

commands = OccGroup()

FIELDS = {
    ("settings", "email"): "email",
    ("settings", "display_name"): "displayname",
    ("core", "lang"): "language",
    ("core", "locale"): "locale",
    ("core", "timezone"): "timezone",
}
"""Settings that are fields of the account, by app and key."""


@commands.command("user:setting")
@click.argument("uid", help="Login name of the account.")
@click.argument("app", default="", help="App of the setting: settings, core, files or spreed.")
@click.argument("key", default="", help="Name of the setting.")
@click.argument("value", required=False, help="New value.")
@click.option("--default-value", help="Value to print if the setting is not set.")
@click.option("--update-only", is_flag=True, help="Change the setting only if it is already set.")
@click.option("--delete", is_flag=True, help="Reset the setting to its default.")
@click.option("--error-if-not-exists", is_flag=True, help="With --delete: status 1 if the setting is not set.")
@output
def user_setting(
    config: Config,
    uid: str,
    app: str,
    key: str,
    value: str | None,
    default_value: str | None,
    update_only: bool,
    delete: bool,
    error_if_not_exists: bool,
    output: Form,
) -> None:
    """Show, set or delete settings of an account."""
    account = read(config, lambda tx: users.get_account(tx, uid))
    if account is None:
        refuse(f'The user "{uid}" does not exist.')
    known = read(config, lambda tx: _values(tx, account))
    present = known.get(app, {}).get(key)
    if not key:
        if value is not None or delete:
            refuse("Name the app and the key of the setting: talkd occ user:setting UID APP KEY")
        show({name: values for name, values in known.items() if not app or name == app}, output)
    elif value is None and not delete:
        if present is None and default_value is None:
            refuse(f'The setting does not exist for user "{uid}".')
        show(present if present is not None else default_value or "", output)
    elif present is None and (update_only or (delete and error_if_not_exists)):
        refuse(f'The setting does not exist for user "{uid}".')
    else:
        write(config, lambda tx: _set(tx, account, app, key, None if delete else value))


async def _values(tx: Tx, account: Account) -> dict[str, dict[str, str]]:
    """Return the settings that have a value, by app and key."""
    fields = {
        "email": account.email,
        "displayname": account.display_name,
        "language": account.language,
        "locale": account.locale,
        "timezone": account.timezone,
    }
    found: dict[str, dict[str, str]] = {}
    for (app, key), field in FIELDS.items():
        if fields[field]:
            found.setdefault(app, {})[key] = fields[field]
    talk = {READ_PRIVACY: str(account.read_privacy), TYPING_PRIVACY: str(account.typing_privacy)}
    chosen = await settings.get_preferences(tx, account.id)
    talk |= {key: chosen[key] for key in PREFERENCES if key in chosen}
    quota = await quotas.get_chosen(tx, account.id)
    if quota is not None:
        found["files"] = {"quota": quota}
    return {**found, APP: talk}


async def _set(tx: Tx, account: Account, app: str, key: str, value: str | None) -> None:
    if (app, key) == ("core", "lang") and value is None:
        await users.reset_language(tx, account.id)
    elif FIELDS.get((app, key)) == "displayname" and not cleaned(value or ""):
        raise Invalid(message="Display name can't be deleted." if value is None else "New display name can't be empty")
    elif (app, key) in FIELDS:
        await users.set_field(tx, account, FIELDS[app, key], value or "")
    elif (app, key) == ("files", "quota"):
        await quotas.set_quota(tx, account.id, DEFAULT if value is None else value)
    elif app == APP and key in PREFERENCES:
        if value is None:
            await settings.delete_preference(tx, account.id, key)
        else:
            await settings.set_preference(tx, account.id, key, value)
        await settings.outdate_caches(tx, account.id)
    else:
        raise Invalid(message=f"There is no setting {key} of {app}; see docs/admin/occ.md.")
