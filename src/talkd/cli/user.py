"""`talkd user`: accounts."""

import os
import sys

import click

from talkd.areas.files import quota_service as quotas
from talkd.areas.files.model import Limits
from talkd.areas.files.quota_model import UNLIMITED, Space
from talkd.areas.removal import service as removal
from talkd.areas.users import group_service as groups
from talkd.areas.users import password_model as policy
from talkd.areas.users import service as users
from talkd.areas.users.passwords import hash_password_now
from talkd.cli import command
from talkd.cli.command import size_text
from talkd.cli.database import read, write, write_in_portions
from talkd.config import Config
from talkd.core.actor import CLI
from talkd.core.errors import NotFound, TalkError
from talkd.storage.database import Tx

app = command.ConfigGroup()
name = click.argument("name", help="Login name of the account.")
password_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@app.command("add")
@name
@click.option("--display-name", default="", help="Display name.")
@click.option("--email", default="", help="E-mail address.")
@click.option("--group", multiple=True, help="Group to add the account to; may be repeated.")
@password_stdin
def add_user(
    config: Config, name: str, display_name: str, email: str, group: tuple[str, ...], password_stdin: bool
) -> None:
    """Create an account. The password comes from TALKD_PASSWORD, from standard input, or from a prompt."""
    read(config, lambda tx: users.require_creatable(tx, name, email=email, groups=group))
    password_hash = _new_password(config, password_stdin)

    async def work(tx: Tx) -> None:
        await users.create_account(
            tx, name, password_hash, display_name=display_name, email=email, groups=group, by=CLI
        )

    write(config, work)
    click.echo(f"Account {name} created")


@app.command("list")
@click.argument("search", default="", help="Only accounts with this text in the name or e-mail address.")
@command.as_json
def list_users(config: Config, search: str, as_json: bool) -> None:
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

    rows = read(config, work)
    headers = ("NAME", "DISPLAY NAME", "E-MAIL", "ENABLED", "GROUPS")
    if as_json:
        keys = ("name", "display_name", "email", "enabled", "groups")
        command.show_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        command.show([*rows], headers=headers)


@app.command("delete")
@name
@command.yes
def delete_user(config: Config, name: str, yes: bool) -> None:
    """Delete an account. Its messages stay and show a deleted user as their author."""
    read(config, lambda tx: _require(tx, name))
    if not yes:
        click.confirm(f"Delete the account {name}? This cannot be undone.", abort=True)
    delete_account(config, name)
    click.echo(f"Account {name} deleted")


def delete_account(config: Config, name: str) -> None:
    """Delete an account, and then remove its id from its messages and other traces, in portions."""
    user_id = write(config, lambda tx: users.delete_account(tx, name, by=CLI))

    async def forget(tx: Tx) -> bool:
        return not await removal.forget_account_portion(tx, user_id)

    write_in_portions(config, forget)


@app.command("password")
@name
@password_stdin
def set_user_password(config: Config, name: str, password_stdin: bool) -> None:
    """Set the password of an account. Browsers must log in again; apps stay logged in."""
    user_id = read(config, lambda tx: _require(tx, name))
    password_hash = _new_password(config, password_stdin)
    write(config, lambda tx: users.set_password(tx, user_id, password_hash))
    click.echo(f"Password of {name} changed")


@app.command("enable")
@name
def enable_user(config: Config, name: str) -> None:
    """Enable an account, so that it can log in again."""
    _set_enabled(config, name, enabled=True)


@app.command("disable")
@name
def disable_user(config: Config, name: str) -> None:
    """Disable an account. Apps and browsers are logged out at once."""
    _set_enabled(config, name, enabled=False)


@app.command("quota")
@name
@click.argument("size", required=False, help="Like 5 GB or 500 MB; none for no limit; default for files.quota.")
def set_quota(config: Config, name: str, size: str | None) -> None:
    """Set how much the files of an account may use, or show it. Files above a new quota stay."""
    limits = Limits(config.files.quota, config.files.total)

    async def work(tx: Tx) -> Space:
        user_id = await _require(tx, name)
        if size is not None:
            await quotas.set_quota(tx, user_id, size)
        return (await quotas.get_spaces(tx, [user_id], limits))[user_id]

    space = read(config, work) if size is None else write(config, work)
    quota = "no limit" if space.quota == UNLIMITED else size_text(space.quota)
    click.echo(f"{name}: {size_text(space.used)} used, quota: {quota}")


def _set_enabled(config: Config, name: str, *, enabled: bool) -> None:
    async def work(tx: Tx) -> None:
        await _require(tx, name)
        await users.set_enabled(tx, name, enabled)

    write(config, work)
    click.echo(f"Account {name} {'enabled' if enabled else 'disabled'}")


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
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        policy.require_account_password(password, config.security)
    except TalkError as error:
        command.fail(error.message)
    return hash_password_now(password)
