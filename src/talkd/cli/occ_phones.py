"""`talkd occ talk:phone-number:*`: phone numbers of accounts."""

import sys
from pathlib import Path

import click

from talkd.areas.sip import service as sip
from talkd.areas.sip.service import Assignment
from talkd.cli.database import read, write
from talkd.cli.occ import OccGroup, refuse
from talkd.config import Config
from talkd.core.characters import is_text
from talkd.core.errors import Invalid, TalkError
from talkd.core.sheets import UnreadableSheet, read_rows
from talkd.storage.database import Tx

commands = OccGroup()

phone = click.argument("phone", help="Phone number in international form, or an internal number.")
user = click.argument("user", help="Name of the account.")
force = click.option("--force", "-f", is_flag=True, help="Assign the number even if another account has it.")


def _show(added: Assignment) -> None:
    click.echo(f"Phone number {added.number.number} is now assigned to {added.number.user_id}")
    if added.former_user_id is not None:
        click.echo(f"Was assigned to {added.former_user_id} before")


@commands.command("talk:phone-number:add")
@phone
@user
@force
def add_number(config: Config, phone: str, user: str, force: bool) -> None:
    """Assign a phone number to an account."""
    _show(write(config, lambda tx: sip.add_number(tx, phone, user, force=force)))


@commands.command("talk:phone-number:find")
@click.option("--phone", default="", help="Find the account with this number.")
@click.option("--user", "--account", default="", help="List the numbers of this account.")
def find_numbers(config: Config, phone: str, user: str) -> None:
    """Show the account with a phone number, or the phone numbers of an account. Status 1 if there are none."""
    if phone:
        found = read(config, lambda tx: sip.find_number(tx, phone))
        click.echo(f"Phone number {found.number} is assigned to {found.user_id}")
        return
    if not user:
        refuse("Neither phone number nor user provided")
    numbers = read(config, lambda tx: sip.list_numbers(tx, user))
    if len(numbers) == 1:
        click.echo(f"{numbers[0].user_id} has phone number {numbers[0].number} assigned")
        return
    click.echo(f"{numbers[0].user_id} has the following phone numbers assigned:")
    for each in numbers:
        click.echo(f" - {each.number}")


@commands.command("talk:phone-number:import")
@click.argument(
    "file",
    type=click.Path(path_type=Path),
    required=False,
    help='CSV file with rows of "number","user". Default: standard input.',
)
@force
@click.option("--reset", is_flag=True, help="Remove all existing numbers first.")
def import_numbers(config: Config, file: Path | None, force: bool, reset: bool) -> None:
    """Import phone numbers from a CSV file. If one line is wrong, nothing is imported."""
    try:
        rows = read_rows(sys.stdin.buffer.read() if file in (None, Path("-")) else file.read_bytes())
    except OSError as error:
        refuse(f"Cannot read {file}: {error.strerror}")
    except UnreadableSheet as error:
        refuse(str(error))

    async def work(tx: Tx) -> list[Assignment]:
        if reset:
            await sip.remove_all_numbers(tx)
        added = []
        for row in rows:
            try:
                if len(row.cells) != 2 or not all(map(is_text, row.cells)):
                    raise Invalid(message='"number","user" expected')
                added.append(await sip.add_number(tx, *row.cells, force=force))
            except TalkError as error:
                error.message = f"Line {row.line}: {error.message}"
                raise
        return added

    for each in write(config, work):
        _show(each)


@commands.command("talk:phone-number:remove")
@phone
def remove_number(config: Config, phone: str) -> None:
    """Remove a phone number from its account."""
    write(config, lambda tx: sip.remove_number(tx, phone))


@commands.command("talk:phone-number:remove-user")
@user
def remove_account(config: Config, user: str) -> None:
    """Remove all phone numbers from an account."""
    write(config, lambda tx: sip.remove_numbers_of(tx, user))


commands.add_command(remove_account, "talk:phone-number:remove-account")
