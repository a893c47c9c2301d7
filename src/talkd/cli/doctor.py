"""`talkd doctor`: looks at the set-up and says what is wrong and what to do."""

from typing import Annotated

import typer

from talkd.cli import command
from talkd.cli.command import Host, Port
from talkd.cli.finding import FAIL
from talkd.config import Config


@command.with_config
def doctor(
    config: Config,
    host: Host = None,
    port: Port = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check the set-up; status 1 when something does not work. Give it the options of `talkd serve`."""
    from talkd.cli import checks

    config.server.host = host or config.server.host
    config.server.port = port or config.server.port
    findings = command.run(checks.examine(config))
    if as_json:
        command.show_json(findings)
    else:
        for finding in findings:
            typer.echo(f"{finding.state:4}  {finding.subject}: {finding.found}")
            if finding.advice:
                typer.echo(f"      → {finding.advice}")
    if any(finding.state == FAIL for finding in findings):
        raise typer.Exit(1)
