"""`talkd migrate`."""

import typer

from talkd.cli import command
from talkd.cli.database import opened
from talkd.config import Config


@command.with_config
def migrate(config: Config) -> None:
    """Bring the database to the newest schema. `talkd serve` does it by itself; this is for careful upgrades."""
    from talkd.storage.migrate import REVISIONS

    async def work() -> None:
        async with opened(config):
            pass

    command.run(work())
    typer.echo(f"{command.database_of(config)}: schema {REVISIONS[-1]}")
