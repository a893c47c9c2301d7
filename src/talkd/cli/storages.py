"""The checks of `talkd doctor` of what files need: the storage, and the scanner."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from talkd.areas.files.scanner import Scanner
from talkd.blobs import FOLDER, open_blobs
from talkd.cli.doctor import FAIL, OK, Finding
from talkd.config import Config, ConfigError
from talkd.core.errors import TalkError

SECONDS = 60
"""How long the storage and the scanner may take."""
PAGE = "see docs/admin/files.md"


async def examine_files(config: Config) -> AsyncIterator[Finding]:
    """Yield what the checks find."""
    yield await _storage(config) if config.files.storage else _folder(config)
    if config.files.scanner:
        yield await _scanner(config)


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
