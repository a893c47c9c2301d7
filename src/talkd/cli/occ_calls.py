"""`talkd occ talk:active-calls` and `talk:monitor:*`: numbers of calls, participants and sessions."""

from typing import Literal, get_args

import click
from click.exceptions import Exit

from talkd.areas.calls import service as calls
from talkd.areas.rooms import admin_service as admin
from talkd.cli.database import read
from talkd.cli.occ import Form, OccGroup, output, show
from talkd.config import Config
from talkd.conversation import attendee_store, session_store
from talkd.core.constants import InCall
from talkd.core.errors import NotFound
from talkd.storage.database import Tx

commands = OccGroup()

NO_CALLS = "No calls in progress"
CountForm = Literal[Form, "csv"]
"""The output format of numbers."""


def _summary(active: int, people: int) -> str:
    return f"There are currently {active} calls in progress with {people} participants"


@commands.command("talk:active-calls")
@output
def show_active_calls(config: Config, output: Form) -> None:
    """Show the number of active calls. Status 1 if there are any, so that a script can wait before an upgrade."""
    active = read(config, calls.list_active)
    people = sum(call.attendees for call in active)
    if output != "plain":
        show({"calls": len(active), "participants": people}, output)
    elif active:
        click.echo(_summary(len(active), people))
    else:
        click.echo(NO_CALLS)
    if active:
        raise Exit(1)


@commands.command("talk:monitor:calls")
@output
def show_calls(config: Config, output: Form) -> None:
    """List the rooms that have a call, with the number of participants in it."""
    active = read(config, calls.list_active)
    people = sum(call.attendees for call in active)
    if output != "plain":
        show(dict(active), output)
    elif not active:
        click.echo(NO_CALLS)
    else:
        click.echo(_summary(len(active), people))
        show({f'"{call.token}"': call.attendees for call in active}, output)


@commands.command("talk:monitor:room")
@click.argument("token", help="Token of the room.")
@click.option("--separator", default=",", show_default=True, help="Separator of the numbers with --output=csv.")
@click.option(
    "--output", type=click.Choice(get_args(CountForm)), default="plain", show_default=True, help="Output format."
)
def show_room(config: Config, token: str, separator: str, output: CountForm) -> None:
    """Show how many attendees and sessions a room has, and how many sessions are in its call."""

    async def work(tx: Tx) -> dict[str, int]:
        room = await admin.find_any_room(tx, token)
        present = await session_store.list_sessions(tx, room.id)
        return {
            "attendees": len(await attendee_store.list_attendees(tx, room.id)),
            "sessions": len(present),
            "call": sum(session.in_call != InCall.NONE for session in present),
        }

    try:
        counts = read(config, work)
    except NotFound:
        if output == "plain":
            raise
        raise Exit(1) from None  # as in Nextcloud's occ, programs get no text that they cannot parse
    if output == "csv":
        click.echo(separator.join(map(str, counts.values())))
    elif output == "plain":
        click.echo(
            f"The conversation has {counts['attendees']} attendees with {counts['sessions']} sessions "
            f"of which {counts['call']} are in the call."
        )
    else:
        show(counts, output)
