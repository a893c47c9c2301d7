"""`talkd copy`."""

import time

import click

from talkd.backups.copying import Copied
from talkd.backups.copying import copy as copy_database
from talkd.backups.model import PlaceRefused
from talkd.blobs import FOLDER
from talkd.cli import safekeeping
from talkd.cli.command import ConfigCommand
from talkd.cli.places import Place, place_at
from talkd.cli.progress import progress
from talkd.cli.safekeeping import quiet_option, say
from talkd.config import Config


class _At(click.ParamType[Place]):
    """The URL of a database."""

    name = "URL"

    def convert(self, value: str | Place, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """Return the place. Fails for another URL."""
        try:
            return value if isinstance(value, Place) else place_at(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(cls=ConfigCommand)
@click.option("--from", "origin", type=_At(), required=True, help="sqlite:///FOLDER or postgresql://…")
@click.option("--to", "goal", type=_At(), required=True, help="As --from. Empty, or with a part of this copy.")
@quiet_option
def copy(config: Config, origin: Place, goal: Place, quiet: bool) -> None:  # noqa: ARG001 - this needs no settings
    """Copy a database into another one, and compare both.

    Stop the server before. If the command is interrupted, run it again: it goes on where it stopped. Contents of files
    stay where they are.
    """
    began, bars = time.monotonic(), progress(quiet=quiet)

    async def whole() -> Copied:
        if goal.is_same_as(origin):
            raise PlaceRefused("--from and --to are the same database: choose another one to copy into")
        origin.require_file()
        async with (
            origin.reserved(),
            goal.reserved(),
            origin.open_source(keeps_writers_out=True) as source,
            goal.fill(may_continue=True) as target,
        ):
            return await copy_database(source, target, bars)

    copied = safekeeping.run(whole())
    continued = f" ({copied.continued_at} of them before it was interrupted)" if copied.continued_at else ""
    about = f"{copied.rows} rows{continued} of {copied.tables} tables, {time.monotonic() - began:.0f} s"
    say(quiet, f"copied {origin.name} to {goal.name} and compared both: {about}")
    say(quiet, f"contents of files stay where they are: {_about_files(goal)}")


def _about_files(goal: Place) -> str:
    if goal.url:
        return "keep the data folder, or files.storage, and set database.url to the new database"
    return f"unless they are on S3, move the folder {FOLDER} into {goal.folder.resolve()}"
