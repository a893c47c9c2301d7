"""`talkd backup` and `talkd restore`."""

import time
from pathlib import Path

import click
from click.exceptions import Exit

from talkd.backups import backup as backups
from talkd.backups import restore as restores
from talkd.backups.archive_reader import Archive, verify
from talkd.backups.model import Head, Manifest
from talkd.backups.progress import Progress
from talkd.cli import safekeeping
from talkd.cli.command import ConfigCommand, size_text
from talkd.cli.places import place_of
from talkd.cli.progress import progress
from talkd.cli.safekeeping import Status, opened_blobs, quiet_option, say
from talkd.config import Config

archive_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")


@click.command(cls=ConfigCommand)
@archive_file
@click.option("--without-files", is_flag=True, help="Only the database, without the contents of files.")
@click.option("--verify", "only_verifies", is_flag=True, help="Only read FILE, and check that it is complete.")
@quiet_option
def backup(config: Config, file: Path, without_files: bool, only_verifies: bool, quiet: bool) -> None:
    """Write all data into FILE, also while the server runs, and verify it.

    FILE appears when it is complete. It replaces an older backup of this name, and nothing else.
    """
    began, bars = time.monotonic(), progress(quiet=quiet)
    if only_verifies:
        with safekeeping.explained():
            head, manifest = _verify(file, bars)
        made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(head.created_at))
        say(quiet, f"{file} is complete: {made}, schema {head.schema}, {_about(manifest, has_files=head.has_files)}")
        _require_files(manifest)
        return
    place = place_of(config)

    async def whole() -> backups.Written:
        if without_files:
            return await backups.create(file, place.open_source, None, bars)
        async with opened_blobs(config) as blobs:
            return await backups.create(file, place.open_source, blobs, bars)

    written = safekeeping.run(whole())
    about = _about(written.manifest, has_files=not without_files)
    say(quiet, f"wrote and verified {file}: {about}, {size_text(written.size)}, {_seconds_since(began)}")
    _require_files(written.manifest)


@click.command(cls=ConfigCommand)
@archive_file
@quiet_option
def restore(config: Config, file: Path, quiet: bool) -> None:
    """Put the backup FILE into an empty database, SQLite or PostgreSQL.

    Stop the server before. The backup is verified first. If anything fails, the database is as empty as before.
    """
    began, bars = time.monotonic(), progress(quiet=quiet)
    place = place_of(config)

    async def whole() -> tuple[restores.Restored, bool]:
        head, _ = _verify(file, bars)
        restores.require_known(head)
        async with (
            place.reserved(),
            opened_blobs(config) as blobs,
            place.fill() as target,
        ):
            with Archive(file) as archive:
                return await restores.restore(archive, target, blobs, bars), head.has_files

    restored, has_files = safekeeping.run(whole())
    about = _about(restored.manifest, has_files=has_files)
    say(quiet, f"restored {file} into {place.name}: {about}, {_seconds_since(began)}")
    if not has_files:
        say(quiet, "this backup has no contents of files: put the storage of files back, see docs/admin/backup.md")
    _require_files(restored.manifest)


def _verify(file: Path, bars: Progress) -> tuple[Head, Manifest]:
    with bars.begin("Verifying", file.stat().st_size) as advance:
        return verify(file, advance)


def _about(manifest: Manifest, *, has_files: bool) -> str:
    files = f"{manifest.files} contents of files ({size_text(manifest.size_of_files)})" if has_files else "no files"
    deleted = f", without {manifest.deleted} that were deleted while it was made" if manifest.deleted else ""
    return f"{manifest.rows} rows of {len(manifest.tables)} tables, {files}{deleted}"


def _seconds_since(moment: float) -> str:
    return f"{time.monotonic() - moment:.0f} s"


def _require_files(manifest: Manifest) -> None:
    """End the command with a status of its own if contents are missing that files still need."""
    if manifest.lost:
        click.echo(
            f"talkd: the backup lacks {manifest.lost} contents of files, which were missing or damaged in the storage: "
            "`talkd files check` names them",
            err=True,
        )
        raise Exit(Status.INCOMPLETE)
