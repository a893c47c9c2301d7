"""The storage of files on the disk, looked at from outside."""

import os
import time
from pathlib import Path

from talkd.blobs.disk import UNFINISHED
from talkd.config import Config


def folder_of(config: Config) -> Path:
    """Return the folder of contents."""
    return Path(config.data) / "files"


def stored(config: Config) -> dict[str, int]:
    """Return the sizes of the contents, finished or not, by key."""
    return {path.name: path.stat().st_size for path in folder_of(config).rglob("*") if path.is_file()}


def leave(config: Config, key: str, *, is_finished: bool = True, age: float = 0) -> Path:
    """Store contents without a row, as a process that dies leaves them. They are `age` seconds old."""
    path = folder_of(config) / (key[:2] if is_finished else UNFINISHED) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left behind")
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return path
