"""`talkd occ talk:active-calls` and `talk:monitor:*`: numbers of calls, participants and sessions."""

from enum import StrEnum
from typing import Annotated

import typer

from talkd.areas.calls import service as calls
from talkd.areas.rooms import admin_service as admin
from talkd.cli.command import ConfigContext
from talkd.cli.database import read
from talkd.cli.occ import Form, OccCommand, Output, show
from talkd.conversation import attendee_store, session_store
from talkd.core.constants import InCall
from talkd.core.errors import NotFound
from talkd.storage.database import Tx

commands = typer.Typer()

NO_CALLS = "No calls in progress"


class CountForm(StrEnum):
    """The output format of numbers."""

    PLAIN = "plain"
    JSON = "json"
    JSON_PRETTY = "json_pretty"
    CSV = "csv"


def _summary(active: int, people: int) -> str:
    return f"There are currently {active} calls in progress with {people} participants"


@commands.command("talk:active-calls", cls=OccCommand)
def show_active_calls(ctx: ConfigContext, output: Output = Form.PLAIN) -> None:
    """Show the number of active calls. Status 1 if there are any, so that a script can wait before an upgrade."""
    active = read(ctx.config, calls.list_active)
    people = sum(call.attendees for call in active)
    if output is not Form.PLAIN:
        show({"calls": len(active), "participants": people}, output)
    elif active:
        typer.echo(_summary(len(active), people))
    else:
        typer.echo(NO_CALLS)
    if active:
        raise typer.Exit(1)


@commands.command("talk:monitor:calls", cls=OccCommand)
def show_calls(ctx: ConfigContext, output: Output = Form.PLAIN) -> None:
    """List the rooms that have a call, with the number of participants in it."""
    active = read(ctx.config, calls.list_active)
    people = sum(call.attendees for call in active)
    if output is not Form.PLAIN:
        show(dict(active), output)
    elif not active:
        typer.echo(NO_CALLS)
    else:
        typer.echo(_summary(len(active), people))
        show({f'"{call.token}"': call.attendees for call in active}, output)


@commands.command("talk:monitor:room", cls=OccCommand)
def show_room(
    ctx: ConfigContext,
    token: Annotated[str, typer.Argument(help="Token of the room.")],
    separator: Annotated[str, typer.Option(help="Separator of the numbers with --output=csv.")] = ",",
    output: Annotated[CountForm, typer.Option("--output", help="Output format.")] = CountForm.PLAIN,
) -> None:
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
        counts = read(ctx.config, work)
    except NotFound:
        if output is CountForm.PLAIN:
            raise
        raise typer.Exit(1) from None  # as in Nextcloud's occ, programs get no text that they cannot parse
    if output is CountForm.CSV:
        typer.echo(separator.join(map(str, counts.values())))
    elif output is CountForm.PLAIN:
        typer.echo(
            f"The conversation has {counts['attendees']} attendees with {counts['sessions']} sessions "
            f"of which {counts['call']} are in the call."
        )
    else:
        show(counts, Form(output))
