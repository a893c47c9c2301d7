"""`talkd occ user:*`: accounts."""

import os
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from talkd.areas.users import group_service as groups
from talkd.areas.users import password_model as policy
from talkd.areas.users import service as users
from talkd.areas.users.model import Account
from talkd.areas.users.passwords import hash_password_now
from talkd.cli.command import ConfigContext
from talkd.cli.database import read, write
from talkd.cli.occ import Form, Limit, OccCommand, Offset, Output, refuse, show
from talkd.cli.user import delete_account
from talkd.config import Config
from talkd.core import ids
from talkd.core.actor import CLI
from talkd.core.errors import TalkError
from talkd.storage.database import Tx

commands = typer.Typer()

Name = Annotated[str, typer.Argument(metavar="UID", help="Login name of the account.")]
FromEnv = Annotated[bool, typer.Option("--password-from-env", help="Read the password from OC_PASS or TALKD_PASSWORD.")]
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
        password = str(typer.prompt("Enter password", hide_input=True, confirmation_prompt=True))
    else:
        refuse("Interactive input or --password-from-env is needed for entering a password!")
    try:
        policy.require_account_password(password, config.security)
    except TalkError as error:
        refuse(error.message)
    return password


@commands.command("user:add", cls=OccCommand)
def add_user(
    ctx: ConfigContext,
    uid: Name,
    password_from_env: FromEnv = False,
    generate_password: Annotated[
        bool, typer.Option("--generate-password", help="Set a random password that is not shown.")
    ] = False,
    display_name: Annotated[str, typer.Option(help="Display name.")] = "",
    group: Annotated[
        list[str] | None,
        typer.Option("--group", "-g", help="Group to add the account to; created if it does not exist."),
    ] = None,
    email: Annotated[str, typer.Option(help="E-mail address.")] = "",
) -> None:
    """Create an account."""
    if read(ctx.config, lambda tx: users.get_account(tx, uid)) is not None:
        refuse(f'The account "{uid}" already exists.')
    password = ids.new_secret() if generate_password else _password(ctx.config, from_env=password_from_env)
    password_hash = hash_password_now(password)

    async def work(tx: Tx) -> list[str]:
        known = {known.id for known in await groups.list_groups(tx)}
        made = [wanted for wanted in dict.fromkeys(group or ()) if wanted not in known]
        for group_id in made:
            await groups.create_group(tx, group_id)
        await users.create_account(
            tx, uid, password_hash, display_name=display_name, email=email, groups=group or (), by=CLI
        )
        return made

    made = write(ctx.config, work)
    typer.echo(f'The account "{uid}" was created successfully')
    if display_name:
        typer.echo(f'Display name set to "{_find(ctx.config, uid).display_name}"')
    for group_id in group or ():
        if group_id in made:
            typer.echo(f'Created group "{group_id}"')
        typer.echo(f'Account "{uid}" added to group "{group_id}"')


@commands.command("user:delete", cls=OccCommand)
def delete_user(ctx: ConfigContext, uid: Name) -> None:
    """Delete an account. Its messages stay and show a deleted user as their author."""
    _find(ctx.config, uid)
    delete_account(ctx.config, uid)
    typer.echo("The specified account was deleted")


@commands.command("user:list", cls=OccCommand)
def list_users(
    ctx: ConfigContext,
    limit: Limit = 500,
    offset: Offset = 0,
    info: Annotated[bool, typer.Option("--info", "-i", help="Show all details.")] = False,
    disabled: Annotated[bool, typer.Option("--disabled", "-d", help="List only disabled accounts.")] = False,
    output: Output = Form.PLAIN,
) -> None:
    """List accounts."""

    async def work(tx: Tx) -> tuple[list[Account], dict[str, list[str]]]:
        if disabled:
            everybody = [account for account in await users.list_accounts(tx) if not account.enabled]
            accounts = everybody[offset : offset + limit]
        else:
            accounts = await users.list_accounts(tx, "", limit, offset)
        return accounts, await groups.get_groups_of(tx, [account.id for account in accounts]) if info else {}

    accounts, joined = read(ctx.config, work)
    if info:
        show({account.id: _details(account, joined[account.id]) for account in accounts}, output)
    else:
        show({account.id: account.display_name for account in accounts}, output)


@commands.command("user:info", cls=OccCommand)
def show_user(ctx: ConfigContext, user: Name, output: Output = Form.PLAIN) -> None:
    """Show an account."""
    account = read(ctx.config, lambda tx: users.get_account(tx, user))
    if account is None:
        refuse("user not found")
    joined = read(ctx.config, lambda tx: groups.get_groups_of(tx, [account.id]))
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


@commands.command("user:lastseen", cls=OccCommand)
def show_last_login(
    ctx: ConfigContext,
    uid: Annotated[str, typer.Argument(metavar="UID", help="Login name of the account.")] = "",
    everybody: Annotated[bool, typer.Option("--all", help="Show all accounts.")] = False,
) -> None:
    """Show when accounts last logged in."""
    if not uid and not everybody:
        refuse('Please specify a username, or "--all" to list all')
    accounts = read(ctx.config, users.list_accounts) if everybody else [_find(ctx.config, uid)]
    for account in accounts:
        if account.last_login_at:
            moment = datetime.fromtimestamp(account.last_login_at, UTC)
            typer.echo(f"{account.id}'s last login: {moment:%Y-%m-%d %H:%M:%S} UTC")
        else:
            typer.echo(f"{account.id} has never logged in.")


@commands.command("user:disable", cls=OccCommand)
def disable_user(ctx: ConfigContext, uid: Name) -> None:
    """Disable an account. Apps and browsers are logged out at once."""
    _find(ctx.config, uid)
    write(ctx.config, lambda tx: users.set_enabled(tx, uid, False))
    typer.echo("The specified account is disabled")


@commands.command("user:enable", cls=OccCommand)
def enable_user(ctx: ConfigContext, uid: Name) -> None:
    """Enable an account, so that it can log in again."""
    _find(ctx.config, uid)
    write(ctx.config, lambda tx: users.set_enabled(tx, uid, True))
    typer.echo("The specified account is enabled")


@commands.command("user:resetpassword", cls=OccCommand)
def reset_password(ctx: ConfigContext, user: Name, password_from_env: FromEnv = False) -> None:
    """Set the password of an account."""
    account = _find(ctx.config, user)
    password_hash = hash_password_now(_password(ctx.config, from_env=password_from_env))
    write(ctx.config, lambda tx: users.set_password(tx, account.id, password_hash))
    typer.echo(f"Successfully reset password for {user}")
