"""`talkd doctor`: check the set-up, and say what is wrong and how to repair it."""

import click
import msgspec
from click.exceptions import Exit

from talkd.cli import command
from talkd.cli.command import ConfigCommand
from talkd.config import Config

OK, WARN, FAIL = "ok", "warn", "fail"
COLORS = {OK: "green", WARN: "yellow", FAIL: "red"}


class Finding(msgspec.Struct, frozen=True):
    """The result of a check: `state` is ok, warn or fail. `advice` says what to do; it is empty if `state` is ok."""

    state: str
    subject: str
    found: str
    advice: str = ""


@click.command(cls=ConfigCommand)
@click.argument("part", type=click.Choice(["calls"]), required=False, help="Check only what calls need.")
@command.host
@command.port
@command.unix_socket
@command.dev
@command.dev_exposed
@command.bus
@command.workers
@command.as_json
def doctor(
    config: Config,
    part: str | None,
    host: str | None,
    port: int | None,
    unix_socket: str | None,
    dev: bool | None,
    dev_exposed: bool | None,
    bus: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Check the set-up. Status 1 if something does not work. Use the same options as for `talkd serve`."""
    from talkd.cli import checks

    config.server.host = host or config.server.host
    config.server.port = port or config.server.port
    config.server.unix_socket = unix_socket or config.server.unix_socket
    config.dev = dev or config.dev
    config.bus.url = bus or config.bus.url
    config.server.workers = workers or config.server.workers
    del dev_exposed  # accepted because `talkd serve` has it
    findings = command.run(checks.examine_for_calls(config) if part else checks.examine(config))
    if as_json:
        command.show_json(findings)
    else:
        for finding in findings:
            _show(finding)
    if any(finding.state == FAIL for finding in findings):
        raise Exit(1)


def _show(finding: Finding) -> None:
    state = f"{finding.state:4}"
    if command.shows_color():
        state = click.style(state, fg=COLORS[finding.state], bold=True)
    click.echo(f"{state}  {finding.subject}: {finding.found}")
    if finding.advice:
        click.echo(f"      → {finding.advice}")
