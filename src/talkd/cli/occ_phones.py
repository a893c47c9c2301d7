"""`talkd occ talk:phone-number:*`: phone numbers of accounts."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from talkd.areas.sip import service as sip
from talkd.areas.sip.service import Assignment
from talkd.cli.command import ConfigContext
from talkd.cli.database import read, write
from talkd.cli.occ import OccCommand, refuse
from talkd.core.characters import is_text
from talkd.core.errors import Invalid, TalkError
from talkd.core.sheets import UnreadableSheet, read_rows
from talkd.storage.database import Tx

commands = typer.Typer()

Number = Annotated[
    str, typer.Argument(metavar="PHONE", help="Phone number in international form, or an internal number.")
]
User = Annotated[str, typer.Argument(metavar="USER", help="Name of the account.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Assign the number even if another account has it.")]


def _show(added: Assignment) -> None:
    typer.echo(f"Phone number {added.number.number} is now assigned to {added.number.user_id}")
    if added.former_user_id is not None:
        typer.echo(f"Was assigned to {added.former_user_id} before")


@commands.command("talk:phone-number:add", cls=OccCommand)
def add_number(ctx: ConfigContext, phone: Number, user: User, force: Force = False) -> None:
    """Assign a phone number to an account."""
    _show(write(ctx.config, lambda tx: sip.add_number(tx, phone, user, force=force)))


@commands.command("talk:phone-number:find", cls=OccCommand)
def find_numbers(
    ctx: ConfigContext,
    phone: Annotated[str, typer.Option(help="Find the account with this number.")] = "",
    user: Annotated[str, typer.Option("--user", "--account", help="List the numbers of this account.")] = "",
) -> None:
    """Show the account with a phone number, or the phone numbers of an account. Status 1 if there are none."""
    if phone:
        found = read(ctx.config, lambda tx: sip.find_number(tx, phone))
        typer.echo(f"Phone number {found.number} is assigned to {found.user_id}")
        return
    if not user:
        refuse("Neither phone number nor user provided")
    numbers = read(ctx.config, lambda tx: sip.list_numbers(tx, user))
    if len(numbers) == 1:
        typer.echo(f"{numbers[0].user_id} has phone number {numbers[0].number} assigned")
        return
    typer.echo(f"{numbers[0].user_id} has the following phone numbers assigned:")
    for each in numbers:
        typer.echo(f" - {each.number}")


@commands.command("talk:phone-number:import", cls=OccCommand)
def import_numbers(
    ctx: ConfigContext,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help='CSV file with rows of "number","user". Default: standard input.'),
    ] = None,
    force: Force = False,
    reset: Annotated[bool, typer.Option("--reset", help="Remove all existing numbers first.")] = False,
) -> None:
    """Import phone numbers from a CSV file. If one line is wrong, nothing is imported."""
    content = sys.stdin.buffer.read() if file in (None, Path("-")) else file.read_bytes()
    try:
        rows = read_rows(content)
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

    for each in write(ctx.config, work):
        _show(each)


@commands.command("talk:phone-number:remove", cls=OccCommand)
def remove_number(ctx: ConfigContext, phone: Number) -> None:
    """Remove a phone number from its account."""
    write(ctx.config, lambda tx: sip.remove_number(tx, phone))


@commands.command("talk:phone-number:remove-account", cls=OccCommand)
@commands.command("talk:phone-number:remove-user", cls=OccCommand)
def remove_account(ctx: ConfigContext, user: User) -> None:
    """Remove all phone numbers from an account."""
    write(ctx.config, lambda tx: sip.remove_numbers_of(tx, user))
