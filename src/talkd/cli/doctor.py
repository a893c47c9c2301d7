"""`talkd doctor`: looks at the set-up and says what is wrong and what to do."""

from typing import Annotated

import typer

from talkd.cli import command
from talkd.cli.finding import FAIL
from talkd.config import Config


@command.with_config
def doctor(config: Config, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Check the set-up; status 1 when something does not work."""
    from talkd.cli import checks

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
