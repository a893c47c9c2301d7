"""`talkd user`: accounts."""

import os
import sys
from typing import Annotated

import typer

from talkd.areas.removal import service as removal
from talkd.areas.users import group_service as groups
from talkd.areas.users import password_model as policy
from talkd.areas.users import service as users
from talkd.areas.users.passwords import hash_password_now
from talkd.cli import command
from talkd.cli.command import ConfigCommand, ConfigContext
from talkd.cli.database import read, write, write_in_portions
from talkd.config import Config
from talkd.core.actor import CLI
from talkd.core.errors import NotFound, TalkError
from talkd.storage.database import Tx

app = typer.Typer(help="Accounts.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Login name of the account.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("add", cls=ConfigCommand)
def add_user(
    ctx: ConfigContext,
    name: Name,
    display_name: Annotated[str, typer.Option(help="Display name.")] = "",
    email: Annotated[str, typer.Option(help="E-mail address.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="Group to add the account to; may be repeated.")] = None,
    password_stdin: FromStdin = False,
) -> None:
    """Create an account. The password comes from TALKD_PASSWORD, from standard input, or from a prompt."""
    wanted = group or []
    read(ctx.config, lambda tx: users.require_creatable(tx, name, email=email, groups=wanted))
    password_hash = _new_password(ctx.config, password_stdin)

    async def work(tx: Tx) -> None:
        await users.create_account(
            tx, name, password_hash, display_name=display_name, email=email, groups=wanted, by=CLI
        )

    write(ctx.config, work)
    typer.echo(f"Account {name} created")


@app.command("list", cls=ConfigCommand)
def list_users(
    ctx: ConfigContext,
    search: Annotated[str, typer.Argument(help="Only accounts with this text in the name or e-mail address.")] = "",
    as_json: AsJson = False,
) -> None:
    """List accounts."""

    async def work(tx: Tx) -> list[tuple[str, str, str, str, str]]:
        accounts = await users.list_accounts(tx, search)
        joined = await groups.get_groups_of(tx, [account.id for account in accounts])
        return [
            (
                account.id,
                account.display_name,
                account.email,
                "yes" if account.enabled else "no",
                ", ".join(joined[account.id]),
            )
            for account in accounts
        ]

    rows = read(ctx.config, work)
    headers = ("NAME", "DISPLAY NAME", "E-MAIL", "ENABLED", "GROUPS")
    if as_json:
        keys = ("name", "display_name", "email", "enabled", "groups")
        command.show_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        command.show([*rows], headers=headers)


@app.command("delete", cls=ConfigCommand)
def delete_user(
    ctx: ConfigContext,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete an account. Its messages stay and show a deleted user as their author."""
    read(ctx.config, lambda tx: _require(tx, name))
    if not yes:
        typer.confirm(f"Delete the account {name}? This cannot be undone.", abort=True)
    delete_account(ctx.config, name)
    typer.echo(f"Account {name} deleted")


def delete_account(config: Config, name: str) -> None:
    """Delete an account, and then remove its id from its messages and other traces, in portions."""
    user_id = write(config, lambda tx: users.delete_account(tx, name, by=CLI))

    async def forget(tx: Tx) -> bool:
        return not await removal.forget_account_portion(tx, user_id)

    write_in_portions(config, forget)


@app.command("password", cls=ConfigCommand)
def set_user_password(ctx: ConfigContext, name: Name, password_stdin: FromStdin = False) -> None:
    """Set the password of an account. Browsers must log in again; apps stay logged in."""
    user_id = read(ctx.config, lambda tx: _require(tx, name))
    password_hash = _new_password(ctx.config, password_stdin)
    write(ctx.config, lambda tx: users.set_password(tx, user_id, password_hash))
    typer.echo(f"Password of {name} changed")


@app.command("enable", cls=ConfigCommand)
def enable_user(ctx: ConfigContext, name: Name) -> None:
    """Enable an account, so that it can log in again."""
    _set_enabled(ctx.config, name, enabled=True)


@app.command("disable", cls=ConfigCommand)
def disable_user(ctx: ConfigContext, name: Name) -> None:
    """Disable an account. Apps and browsers are logged out at once."""
    _set_enabled(ctx.config, name, enabled=False)


def _set_enabled(config: Config, name: str, *, enabled: bool) -> None:
    async def work(tx: Tx) -> None:
        await _require(tx, name)
        await users.set_enabled(tx, name, enabled)

    write(config, work)
    typer.echo(f"Account {name} {'enabled' if enabled else 'disabled'}")


async def _require(tx: Tx, name: str) -> str:
    """Return the id of the account with this name in upper or lower case. Raises NotFound."""
    account = await users.get_account(tx, name)
    if account is None:
        raise NotFound(message=f"there is no account {name}")
    return account.id


def _new_password(config: Config, from_stdin: bool) -> str:
    """Return the hash of a new password from standard input, the environment, or a prompt that asks twice.

    It is never an argument of the command, because other users of the machine can see those.
    """
    password = os.environ.get("TALKD_PASSWORD", "")
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif not password:
        if not sys.stdin.isatty():
            command.fail("no password: use --password-stdin, or set TALKD_PASSWORD")
        password = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        policy.require_account_password(password, config.security)
    except TalkError as error:
        command.fail(error.message)
    return hash_password_now(password)
