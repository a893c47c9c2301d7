"""`talkd doctor`: check the set-up, and say what is wrong and how to repair it."""

from typing import Annotated, Literal

import msgspec
import typer

from talkd.cli import command
from talkd.cli.command import ConfigContext, Dev, DevExposed, Host, Port, UnixSocket

OK, WARN, FAIL = "ok", "warn", "fail"
COLORS = {OK: "green", WARN: "yellow", FAIL: "red"}


class Finding(msgspec.Struct, frozen=True):
    """The result of a check: `state` is ok, warn or fail. `advice` says what to do; it is empty if `state` is ok."""

    state: str
    subject: str
    found: str
    advice: str = ""


def doctor(
    ctx: ConfigContext,
    part: Annotated[Literal["calls"] | None, typer.Argument(help="Check only what calls need.")] = None,
    host: Host = None,
    port: Port = None,
    unix_socket: UnixSocket = None,
    dev: Dev = None,
    dev_exposed: DevExposed = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the set-up. Status 1 if something does not work. Use the same options as for `talkd serve`."""
    from talkd.cli import checks

    ctx.config.server.host = host or ctx.config.server.host
    ctx.config.server.port = port or ctx.config.server.port
    ctx.config.server.unix_socket = unix_socket or ctx.config.server.unix_socket
    ctx.config.dev = dev or ctx.config.dev
    del dev_exposed  # accepted because `talkd serve` has it
    findings = command.run(checks.examine_for_calls(ctx.config) if part else checks.examine(ctx.config))
    if as_json:
        command.show_json(findings)
    else:
        for finding in findings:
            _show(finding)
    if any(finding.state == FAIL for finding in findings):
        raise typer.Exit(1)


def _show(finding: Finding) -> None:
    state = f"{finding.state:4}"
    if command.shows_color():
        state = typer.style(state, fg=COLORS[finding.state], bold=True)
    typer.echo(f"{state}  {finding.subject}: {finding.found}")
    if finding.advice:
        typer.echo(f"      → {finding.advice}")
