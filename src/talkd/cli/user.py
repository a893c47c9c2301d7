"""`talkd user`."""

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
Name = Annotated[str, typer.Argument(help="Name that the account logs in with.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("add", cls=ConfigCommand)
def add_user(
    ctx: ConfigContext,
    name: Name,
    display_name: Annotated[str, typer.Option(help="Name that others see.")] = "",
    email: Annotated[str, typer.Option(help="E-mail address.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="A group to join; may be given several times.")] = None,
    password_stdin: FromStdin = False,
) -> None:
    """Create an account; the password is asked for, or comes from TALKD_PASSWORD or standard input."""
    wanted = group or []
    read(ctx.config, lambda tx: users.require_creatable(tx, name, email=email, groups=wanted))
    password_hash = _new_password(ctx.config, password_stdin)

    async def work(tx: Tx) -> None:
        await users.create_account(
            tx, name, password_hash, display_name=display_name, email=email, groups=wanted, by=CLI
        )

    write(ctx.config, work)
    typer.echo(f"{name} can log in")


@app.command("list", cls=ConfigCommand)
def list_users(
    ctx: ConfigContext,
    search: Annotated[str, typer.Argument(help="Text in name or address.")] = "",
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
    ctx: ConfigContext, name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Delete an account. What it wrote stays, under the name of a deleted user."""
    read(ctx.config, lambda tx: _require(tx, name))
    if not yes:
        typer.confirm(f"Delete the account {name} for good?", abort=True)
    delete_account(ctx.config, name)
    typer.echo(f"{name} is deleted")


def delete_account(config: Config, name: str) -> None:
    """Delete an account, and then its id from all that it said and did."""
    user_id = write(config, lambda tx: users.delete_account(tx, name, by=CLI))

    async def forget(tx: Tx) -> bool:
        return not await removal.forget_account_portion(tx, user_id)

    write_in_portions(config, forget)


@app.command("password", cls=ConfigCommand)
def set_user_password(ctx: ConfigContext, name: Name, password_stdin: FromStdin = False) -> None:
    """Set an account's password; browsers must log in again, apps stay logged in."""
    user_id = read(ctx.config, lambda tx: _require(tx, name))
    password_hash = _new_password(ctx.config, password_stdin)
    write(ctx.config, lambda tx: users.set_password(tx, user_id, password_hash))
    typer.echo(f"{name} has another password")


@app.command("enable", cls=ConfigCommand)
def enable_user(ctx: ConfigContext, name: Name) -> None:
    """Let an account log in again."""
    _set_enabled(ctx.config, name, enabled=True)


@app.command("disable", cls=ConfigCommand)
def disable_user(ctx: ConfigContext, name: Name) -> None:
    """Stop an account from logging in, in apps and browsers, at once."""
    _set_enabled(ctx.config, name, enabled=False)


def _set_enabled(config: Config, name: str, *, enabled: bool) -> None:
    async def work(tx: Tx) -> None:
        await _require(tx, name)
        await users.set_enabled(tx, name, enabled)

    write(config, work)
    typer.echo(f"{name} is {'enabled' if enabled else 'disabled'}")


async def _require(tx: Tx, name: str) -> str:
    """Return the id of the account that a name means in any case. Raises NotFound."""
    account = await users.get_account(tx, name)
    if account is None:
        raise NotFound(message=f"there is no account {name}")
    return account.id


def _new_password(config: Config, from_stdin: bool) -> str:
    """The hash of a new password, asked for twice where a person types it. Never from the command line's words."""
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
