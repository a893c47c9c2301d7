"""`talkd occ talk:active-calls` and `talk:monitor:*`."""

from typing import Annotated

import typer

from talkd.areas.calls import service as calls
from talkd.areas.participants import service as participants
from talkd.areas.rooms import admin_service as admin
from talkd.areas.sessions import store as sessions
from talkd.cli.database import read
from talkd.cli.occ import Form, Output, occ, show
from talkd.config import Config
from talkd.storage.database import Tx

commands = typer.Typer()

NO_CALLS = "No calls in progress"


@occ(commands, "talk:active-calls")
def show_active_calls(config: Config, output: Output = Form.PLAIN) -> None:
    """Say how many calls there are; status 1 while there are some, so that an upgrade can wait."""
    active = read(config, calls.list_active)
    people = sum(count for _, count in active)
    if output is not Form.PLAIN:
        show({"calls": len(active), "participants": people}, output)
    elif active:
        typer.echo(f"There are currently {len(active)} calls in progress with {people} participants")
    else:
        typer.echo(NO_CALLS)
    if active:
        raise typer.Exit(1)


@occ(commands, "talk:monitor:calls")
def show_calls(config: Config, output: Output = Form.PLAIN) -> None:
    """List the rooms with a call and how many people are in it."""
    active = read(config, calls.list_active)
    if output is not Form.PLAIN:
        show(dict(active), output)
    elif not active:
        typer.echo(NO_CALLS)
    else:
        typer.echo(f"There are currently {len(active)} calls in progress:")
        show(dict(active), output)


@occ(commands, "talk:monitor:room")
def show_room(
    config: Config,
    token: Annotated[str, typer.Argument(help="Token of the room.")],
    separator: Annotated[str, typer.Option(help="Print only the numbers, with this between them.")] = "",
    output: Output = Form.PLAIN,
) -> None:
    """Say how many people belong to a room, have it open, and are in its call."""

    async def work(tx: Tx) -> dict[str, int]:
        room = await admin.find_room(tx, token)
        present = await sessions.list_sessions(tx, room.id)
        return {
            "attendees": len(await participants.list_attendees(tx, room.id)),
            "participants": len({session.attendee_id for session in present}),
            "in_call": len({session.attendee_id for session in present if session.in_call}),
        }

    counts = read(config, work)
    if separator:
        typer.echo(separator.join(map(str, counts.values())))
    elif output is not Form.PLAIN:
        show(counts, output)
    else:
        typer.echo(
            f"The conversation has {counts['attendees']} attendees, {counts['participants']} of them have it open, "
            f"and {counts['in_call']} are in the call."
        )
