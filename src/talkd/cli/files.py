"""`talkd files`: what users have sent, and whether all of it is there."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click
from click.exceptions import Exit

from talkd.areas.files import examination_service as files
from talkd.areas.files import service
from talkd.areas.files.examination import HOUR, Examination, Report
from talkd.areas.files.examination_service import Missing, Place
from talkd.areas.files.model import Entry, Picture
from talkd.areas.users import service as users
from talkd.blobs import open_blobs
from talkd.cli import command
from talkd.cli.command import size_text
from talkd.cli.database import opened, read
from talkd.config import Config, ConfigError
from talkd.core.errors import NotFound
from talkd.storage.database import Tx

app = command.ConfigGroup()
SHOWN = 20
"""Number of names that are printed of each kind of fault, unless all are wanted."""


@app.command("check")
@click.option("--repair", is_flag=True, help="Mend what can be mended without losing contents.")
@click.option(
    "--age",
    type=click.IntRange(min=0),
    default=int(HOUR),
    show_default=True,
    metavar="SECONDS",
    help="How old contents without a file must be. Below an hour only while the server is stopped.",
)
@click.option("--all", "shows_all", is_flag=True, help="Print all names, not only the first of each kind.")
@command.as_json
def check(config: Config, repair: bool, age: int, shows_all: bool, as_json: bool) -> None:
    """Compare the database with the storage. Status 1 if something is wrong and was not mended."""
    report = command.run(_check(config, float(age), repair=repair))
    if as_json:
        command.show_json(report)
    else:
        _show(report, repair=repair, limit=None if shows_all else SHOWN)
    if report.unmendable or (report.mendable and not repair):
        raise Exit(1)


async def _check(config: Config, age: float, *, repair: bool) -> Report:
    try:
        blobs = open_blobs(config)
    except ConfigError as error:
        command.fail(str(error))
    async with opened(config) as db:
        examination = Examination(db, blobs, age=age)
        report = await examination.examine()
        if repair:
            await examination.mend(report)
    await blobs.close()
    return report


def _show(report: Report, *, repair: bool, limit: int | None) -> None:
    """Print what was found, and what happened to it."""
    click.echo(f"{report.objects} in the storage, {size_text(report.size)}")
    deleted, corrected, moved = (
        ("deleted", "corrected", f"moved to the folder {files.RECOVERED}") if repair else ("", "", "")
    )
    orphans = [f"{each.key}, {size_text(each.size)}" for each in report.orphans]
    unfinished = [f"{each.key}, {size_text(each.size)}" for each in report.unfinished]
    for rows, about, done in (
        (orphans, "without a file", deleted),
        (unfinished, "unfinished", deleted),
        ([f"contents {blob_id}" for blob_id in report.wrong_counts], "with a wrong number of uses", corrected),
        ([f"by {report.wrong_use} bytes"] if report.wrong_use else [], "wrong sum of all contents", corrected),
        ([_name(each) for each in report.wrong_folders], "with a wrong size or number of entries", corrected),
        ([_name(each) for each in report.lost], "in a folder that does not exist", moved),
        (_names(report.missing), "whose contents are missing; restore them from a backup", ""),
        (_names(report.wrong_sizes), "whose contents have a wrong size; restore them from a backup", ""),
        (
            [*map(_name, report.empty), *map(_picture_name, report.empty_pictures)],
            "without contents in the database",
            "",
        ),
    ):
        if rows:
            click.echo(f"{len(rows)} {about}{f': {done}' if done else ''}")
        for row in rows[:limit]:
            click.echo(f"  {row}")
        if limit is not None and len(rows) > limit:
            click.echo(f"  … and {len(rows) - limit} more (--all)")
    if report.is_clean:
        click.echo("Everything is there.")
    elif report.mendable and not repair:
        click.echo("To mend this: talkd files check --repair")


def _names(found: Sequence[Missing]) -> list[str]:
    """Return one row for each file and picture, and for contents that none has."""
    return [
        row
        for each in found
        for row in [*map(_name, each.files), *map(_picture_name, each.pictures)] or [f"{each.key}, of no file"]
    ]


def _name(place: Place) -> str:
    return f"{place.user_id}: {place.path}"


def _picture_name(picture: Picture) -> str:
    return f"picture of {picture.user_id}" if picture.user_id else f"picture of the room {picture.token}"


@app.command("list")
@click.argument("name", help="Login name of the account.")
@command.as_json
def list_files(config: Config, name: str, as_json: bool) -> None:
    """List the files and folders of an account."""

    async def work(tx: Tx) -> list[tuple[str, Entry]]:
        account = await users.get_account(tx, name)
        if account is None:
            raise NotFound(message=f"there is no account {name}")
        return await files.list_tree(tx, await service.get_root(tx, account.id))

    found = read(config, work)
    if as_json:
        keys = ("path", "size", "modified", "type")
        rows = [(path, entry.size, entry.modified_at, entry.media_type) for path, entry in found]
        command.show_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    command.show(
        [
            (f"{path}/" if entry.is_folder else path, size_text(entry.size), _moment(entry.modified_at))
            for path, entry in found
        ],
        headers=("NAME", "SIZE", "CHANGED"),
    )


@app.command("usage")
@command.as_json
def show_usage(config: Config, as_json: bool) -> None:
    """Show how much the files of each account use, and all contents together. Equal ones count once in the storage.

    Pictures of accounts and rooms are contents, too, but no files of an account.
    """
    usages, (number, size), pictures = read(config, _usage)
    if as_json:
        command.show_json({"accounts": usages, "contents": number, "size": size, "pictures": pictures})
        return
    rows: list[tuple[str, ...]] = [(each.user_id, str(each.files), size_text(each.size)) for each in usages]
    command.show(rows, headers=("ACCOUNT", "FILES", "SIZE"))
    shown = f", with {pictures} pictures of accounts and rooms" if pictures else ""
    click.echo(f"{number} different contents, {size_text(size)} in the storage{shown}")


async def _usage(tx: Tx) -> tuple[list[files.Usage], tuple[int, int], int]:
    return await files.list_usages(tx), await files.get_total(tx), await files.count_pictures(tx)


def _moment(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M}"
