"""`talkd occ user:*`: accounts."""

import os
import sys
from datetime import UTC, datetime

import click

from talkd.areas.users import group_service as groups
from talkd.areas.users import password_model as policy
from talkd.areas.users import service as users
from talkd.areas.users.model import Account
from talkd.areas.users.passwords import hash_password_now
from talkd.cli.database import read, write
from talkd.cli.occ import Form, OccGroup, limit, offset, output, refuse, show
from talkd.cli.user import delete_account
from talkd.config import Config
from talkd.core import ids
from talkd.core.actor import CLI
from talkd.core.errors import TalkError
from talkd.storage.database import Tx

commands = OccGroup()

uid = click.argument("uid", help="Login name of the account.")
password_from_env = click.option(
    "--password-from-env", is_flag=True, help="Read the password from OC_PASS or TALKD_PASSWORD."
)
UNKNOWN = "Account does not exist"


def _find(config: Config, name: str) -> Account:
    account = read(config, lambda tx: users.get_account(tx, name))
    if account is None:
        refuse(UNKNOWN)
    return account


def _password(config: Config, *, from_env: bool) -> str:
    """Return a new password from the environment or a prompt.

    It is never an argument of the command, because other users of the machine can see those.
    """
    if from_env:
        password = os.environ.get("OC_PASS") or os.environ.get("TALKD_PASSWORD") or ""
        if not password:
            refuse("--password-from-env given, but OC_PASS is empty!")
    elif sys.stdin.isatty():
        password = str(click.prompt("Enter password", hide_input=True, confirmation_prompt=True))
    else:
        refuse("Interactive input or --password-from-env is needed for entering a password!")
    try:
        policy.require_account_password(password, config.security)
    except TalkError as error:
        refuse(error.message)
    return password


@commands.command("user:add")
@uid
@password_from_env
@click.option("--generate-password", is_flag=True, help="Set a random password that is not shown.")
@click.option("--display-name", default="", help="Display name.")
@click.option("--group", "-g", multiple=True, help="Group to add the account to; created if it does not exist.")
@click.option("--email", default="", help="E-mail address.")
def add_user(
    config: Config,
    uid: str,
    password_from_env: bool,
    generate_password: bool,
    display_name: str,
    group: tuple[str, ...],
    email: str,
) -> None:
    """Create an account."""
    if read(config, lambda tx: users.get_account(tx, uid)) is not None:
        refuse(f'The account "{uid}" already exists.')
    password = ids.new_secret() if generate_password else _password(config, from_env=password_from_env)
    password_hash = hash_password_now(password)

    async def work(tx: Tx) -> list[str]:
        known = {known.id for known in await groups.list_groups(tx)}
        made = [wanted for wanted in dict.fromkeys(group) if wanted not in known]
        for group_id in made:
            await groups.create_group(tx, group_id)
        await users.create_account(tx, uid, password_hash, display_name=display_name, email=email, groups=group, by=CLI)
        return made

    made = write(config, work)
    click.echo(f'The account "{uid}" was created successfully')
    if display_name:
        click.echo(f'Display name set to "{_find(config, uid).display_name}"')
    for group_id in group:
        if group_id in made:
            click.echo(f'Created group "{group_id}"')
        click.echo(f'Account "{uid}" added to group "{group_id}"')


@commands.command("user:delete")
@uid
def delete_user(config: Config, uid: str) -> None:
    """Delete an account. Its messages stay and show a deleted user as their author."""
    _find(config, uid)
    delete_account(config, uid)
    click.echo("The specified account was deleted")


@commands.command("user:list")
@limit
@offset
@click.option("--info", "-i", is_flag=True, help="Show all details.")
@click.option("--disabled", "-d", is_flag=True, help="List only disabled accounts.")
@output
def list_users(config: Config, limit: int, offset: int, info: bool, disabled: bool, output: Form) -> None:
    """List accounts."""

    async def work(tx: Tx) -> tuple[list[Account], dict[str, list[str]]]:
        if disabled:
            everybody = [account for account in await users.list_accounts(tx) if not account.enabled]
            accounts = everybody[offset : offset + limit]
        else:
            accounts = await users.list_accounts(tx, "", limit, offset)
        return accounts, await groups.get_groups_of(tx, [account.id for account in accounts]) if info else {}

    accounts, joined = read(config, work)
    if info:
        show({account.id: _details(account, joined[account.id]) for account in accounts}, output)
    else:
        show({account.id: account.display_name for account in accounts}, output)


@commands.command("user:info")
@uid
@output
def show_user(config: Config, uid: str, output: Form) -> None:
    """Show an account."""
    account = read(config, lambda tx: users.get_account(tx, uid))
    if account is None:
        refuse("user not found")
    joined = read(config, lambda tx: groups.get_groups_of(tx, [account.id]))
    show(_details(account, joined[account.id]), output)


def _details(account: Account, joined: list[str]) -> dict[str, object]:
    return {
        "user_id": account.id,
        "display_name": account.display_name,
        "email": account.email,
        "enabled": bool(account.enabled),
        "groups": joined,
        "created_at": account.created_at,
        "first_seen": _moment(account.first_login_at),
        "last_seen": _moment(account.last_login_at),
        "backend": "Database",
    }


def _moment(seconds: int) -> str:
    """Return a Unix time in ISO 8601, or "never" for 0."""
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else "never"


@commands.command("user:lastseen")
@click.argument("uid", default="", help="Login name of the account.")
@click.option("--all", "everybody", is_flag=True, help="Show all accounts.")
def show_last_login(config: Config, uid: str, everybody: bool) -> None:
    """Show when accounts last logged in."""
    if not uid and not everybody:
        refuse('Please specify a username, or "--all" to list all')
    accounts = read(config, users.list_accounts) if everybody else [_find(config, uid)]
    for account in accounts:
        if account.last_login_at:
            moment = datetime.fromtimestamp(account.last_login_at, UTC)
            click.echo(f"{account.id}'s last login: {moment:%Y-%m-%d %H:%M:%S} UTC")
        else:
            click.echo(f"{account.id} has never logged in.")


@commands.command("user:disable")
@uid
def disable_user(config: Config, uid: str) -> None:
    """Disable an account. Apps and browsers are logged out at once."""
    _find(config, uid)
    write(config, lambda tx: users.set_enabled(tx, uid, False))
    click.echo("The specified account is disabled")


@commands.command("user:enable")
@uid
def enable_user(config: Config, uid: str) -> None:
    """Enable an account, so that it can log in again."""
    _find(config, uid)
    write(config, lambda tx: users.set_enabled(tx, uid, True))
    click.echo("The specified account is enabled")


@commands.command("user:resetpassword")
@uid
@password_from_env
def reset_password(config: Config, uid: str, password_from_env: bool) -> None:
    """Set the password of an account."""
    account = _find(config, uid)
    password_hash = hash_password_now(_password(config, from_env=password_from_env))
    write(config, lambda tx: users.set_password(tx, account.id, password_hash))
    click.echo(f"Successfully reset password for {uid}")
