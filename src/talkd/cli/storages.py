"""The checks of `talkd doctor` of what files need: the storage, and the scanner."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from talkd.areas.files.scanner import Scanner
from talkd.blobs import FOLDER, open_blobs
from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.config import Config, ConfigError
from talkd.core.errors import TalkError

SECONDS = 60
"""How long the storage and the scanner may take."""
ENOUGH_DISK = 1 << 30
"""Free bytes below which the check warns."""
PAGE = "see docs/admin/files.md"


async def examine_files(config: Config) -> AsyncIterator[Finding]:
    """Yield what the checks find."""
    if config.files.storage:
        yield await _storage(config)
    else:
        yield _folder(config)
        if config.bus.url:
            yield Finding(
                WARN,
                "files",
                "contents are on a disk, but processes on several machines may serve the database",
                f"keep them on S3, or on a disk that all machines have: {PAGE}",
            )
        for finding in _other_disk(Path(config.data)):
            yield finding
    if config.files.scanner:
        yield await _scanner(config)


def examine_space(subject: str, folder: Path, consequence: str) -> Finding:
    """Check how much space the disk of a folder has. `consequence`: what happens without any."""
    free = shutil.disk_usage(folder).free
    found = f"{free / (1 << 30):.1f} GiB free"
    return (
        Finding(OK, subject, found)
        if free >= ENOUGH_DISK
        else Finding(WARN, subject, found, f"free some space: {consequence}")
    )


def _other_disk(data: Path) -> Iterator[Finding]:
    """Check the disk of the folder if it is not that of the data folder, which is checked anyway."""
    folder = data / FOLDER
    if folder.exists() and folder.stat().st_dev != data.stat().st_dev:
        yield examine_space("disk of files", folder, "uploads are refused if the disk is full")


def _folder(config: Config) -> Finding:
    """Check the folder without creating folders in it, which would belong to the user of the command."""
    folder = (Path(config.data) / FOLDER).resolve()
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"talkd")
    except FileNotFoundError:
        return Finding(OK, "files", "no folder for them yet; the first upload creates it")
    except OSError as error:
        advice = f"give {folder} to the user that runs talkd"
        return Finding(FAIL, "files", f"cannot write in {folder}: {error.strerror}", advice)
    return Finding(OK, "files", f"{folder} is writable")


async def _storage(config: Config) -> Finding:
    try:
        async with asyncio.timeout(SECONDS):
            await _try_storage(config)
    except ConfigError as error:
        return Finding(FAIL, "files", str(error), PAGE)
    except (OSError, TimeoutError) as error:
        found = str(error) or "the S3 storage does not answer"
        return Finding(FAIL, "files", found, f"check address, bucket and credentials; {PAGE}")
    return Finding(OK, "files", "S3 stores and returns contents")


async def _try_storage(config: Config) -> None:
    """Store, read and delete contents. Raises OSError and ConfigError."""
    blobs = open_blobs(config)
    draft = blobs.create()
    await draft.write(b"talkd")
    await draft.finish()
    try:
        await blobs.open(draft.key, 0, 5)
    finally:
        await blobs.remove(draft.key)
        await blobs.close()


async def _scanner(config: Config) -> Finding:
    try:
        async with asyncio.timeout(SECONDS), Scanner(config.files.scanner).scan() as scan:
            await scan.require_clean()
    except (TalkError, TimeoutError):
        found = f"{config.files.scanner} does not check files"
        return Finding(FAIL, "scanner", found, f"start ClamAV's daemon, or correct files.scanner; {PAGE}")
    return Finding(OK, "scanner", f"{config.files.scanner} checks files")
