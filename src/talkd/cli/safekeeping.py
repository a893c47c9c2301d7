"""What `talkd backup`, `talkd restore` and `talkd copy` share: exit statuses, and sentences about failures."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Coroutine, Iterator
from enum import IntEnum
from typing import Any, NoReturn, TypeVar

import apsw
import click
from click.exceptions import Exit

from talkd.backups.model import ArchiveRefused, Differs, PlaceRefused
from talkd.blobs import open_blobs
from talkd.blobs.interface import Blobs
from talkd.cli.data_folder import FolderRefused
from talkd.cli.database import explain
from talkd.config import Config, ConfigError
from talkd.storage.database import DatabaseRefused

T = TypeVar("T")

quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")


class Status(IntEnum):
    """The exit statuses, which docs/admin/backup.md lists. 2 is a wrong command line."""

    FAILED = 1
    INCOMPLETE = 3
    """It is done, but contents of files are missing."""
    BAD_ARCHIVE = 4
    REFUSED = 5
    """A server uses the database, it has data, or it is not talkd's."""
    DIFFERENT = 6
    """What was stored is not what was read."""
    FULL = 7
    """A disk is full."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work and return its result. Ends the command with a sentence and a status if it fails."""
    with explained():
        return asyncio.run(work)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """End the command with a sentence and a status if the body fails."""
    try:
        yield
    except ArchiveRefused as error:
        fail(Status.BAD_ARCHIVE, str(error))
    except (PlaceRefused, DatabaseRefused, FolderRefused) as error:
        fail(Status.REFUSED, str(error))
    except Differs as error:
        fail(Status.DIFFERENT, str(error))
    except ConfigError as error:
        fail(Status.FAILED, str(error))
    except Exception as error:
        reason = explain(error)
        if reason is None:
            raise
        fail(Status.FULL if is_full(error) else Status.FAILED, reason)


def is_full(error: Exception) -> bool:
    """Return True if the error means that a disk has no space left."""
    from asyncpg.exceptions import DiskFullError

    return isinstance(error, apsw.FullError | DiskFullError) or getattr(error, "errno", None) in _FULL


def fail(status: Status, reason: str) -> NoReturn:
    """Print the reason to standard error and end the command."""
    click.echo(f"talkd: {reason}", err=True)
    raise Exit(status)


def say(quiet: bool, text: str) -> None:
    """Print the line that sums up what was done."""
    if not quiet:
        click.echo(f"talkd: {text}")


@contextlib.asynccontextmanager
async def opened_blobs(config: Config) -> AsyncIterator[Blobs]:
    """Open the storage of files. Raises ConfigError if it cannot be used."""
    blobs = open_blobs(config)
    try:
        yield blobs
    finally:
        await blobs.close()
