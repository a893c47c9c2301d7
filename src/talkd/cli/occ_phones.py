"""`talkd occ talk:phone-number:*`."""

from pathlib import Path
from typing import Annotated

import typer

from talkd.areas.sip import number_service as service
from talkd.areas.sip import number_store as store
from talkd.areas.sip.model import PhoneNumber, require_number
from talkd.areas.users import store as users
from talkd.cli import command
from talkd.cli.database import read, write
from talkd.cli.occ import Form, Output, occ, show
from talkd.config import Config
from talkd.core.characters import is_text
from talkd.core.errors import Invalid, TalkError
from talkd.core.sheets import UnreadableSheet, read_rows
from talkd.storage.database import Tx

commands = typer.Typer()

Number = Annotated[str, typer.Argument(metavar="PHONE", help="Number in international form.")]
User = Annotated[str, typer.Argument(metavar="USER", help="Name of the account.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Take numbers from other accounts.")]


@occ(commands, "talk:phone-number:add")
def add_number(config: Config, phone: Number, user: User, force: Force = False) -> None:
    """Give an account a phone number."""
    added = write(config, lambda tx: service.add_number(tx, phone, user, force=force))
    typer.echo(f"Phone number {added.number} now belongs to {user}")


@occ(commands, "talk:phone-number:find")
def find_numbers(
    config: Config,
    phone: Annotated[str, typer.Option(help="Whose number is it?")] = "",
    user: Annotated[str, typer.Option(help="Which numbers has the account?")] = "",
    output: Output = Form.PLAIN,
) -> None:
    """Show whose a phone number is, the numbers of an account, or all; status 1 when there are none."""

    async def work(tx: Tx) -> list[PhoneNumber]:
        user_id = await users.resolve_id(tx, user)
        if phone:
            found = await store.find_number(tx, require_number(phone))
            return [found] if found is not None and user_id in ("", found.user_id) else []
        return await store.list_numbers(tx, user_id or None)

    found = read(config, work)
    if not found:
        command.fail("No phone number found.")
    show({each.number: each.user_id for each in found}, output)


@occ(commands, "talk:phone-number:import")
def import_numbers(
    config: Config,
    file: Annotated[Path, typer.Argument(metavar="FILE", help='Lines of "number","user".')],
    force: Force = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget all numbers before.")] = False,
) -> None:
    """Read phone numbers from a CSV file: all of them, or none when there is something wrong with a line."""
    try:
        rows = read_rows(file.read_bytes())
    except UnreadableSheet as error:
        command.fail(f"cannot read {file}: {error}")

    async def work(tx: Tx) -> None:
        if reset:
            await store.delete_numbers(tx)
        for row in rows:
            try:
                if len(row.cells) != 2 or not all(map(is_text, row.cells)):
                    raise Invalid(message='"number","user" expected')
                await service.add_number(tx, *row.cells, force=force)
            except TalkError as error:
                error.message = f"line {row.line}: {error.message}"
                raise

    write(config, work)
    typer.echo(f"Imported {len(rows)} phone numbers")


@occ(commands, "talk:phone-number:remove")
def remove_number(config: Config, phone: Number) -> None:
    """Take a phone number from its account."""
    typer.echo(f"Phone number {write(config, lambda tx: service.remove_number(tx, phone))} removed")


@occ(commands, "talk:phone-number:remove-account")
def remove_account(config: Config, user: User) -> None:
    """Take all phone numbers from an account."""
    count = write(config, lambda tx: service.remove_numbers(tx, user))
    typer.echo(f"{count} phone numbers of {user} removed")
