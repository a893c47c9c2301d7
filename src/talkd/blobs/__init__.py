"""Storages for the contents of files: the local disk, or S3-compatible storage. They know no database."""

from pathlib import Path

from talkd.blobs.disk import DiskBlobs
from talkd.blobs.interface import Blobs
from talkd.config import Config, ConfigError

FOLDER = "files"
"""The folder of the local disk's blobs, in the data folder."""


def open_blobs(config: Config) -> Blobs:
    """Return the storage that the settings choose. Raises ConfigError if it cannot be used."""
    if not config.files.storage:
        return DiskBlobs(Path(config.data) / FOLDER, durable=config.database.durable)
    from talkd.blobs.s3 import MAX_SIZE, S3Blobs  # few servers use it, and its library is an extra

    if config.files.max_file > MAX_SIZE:
        raise ConfigError(f"wrong setting files.max_file: {config.files.max_file}; on S3, the maximum is {MAX_SIZE}")
    return S3Blobs(config.files.storage)
