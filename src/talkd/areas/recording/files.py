"""Recordings as files in the data folder."""

import os
from pathlib import Path

from talkd.core import ids

FOLDER = "recordings"


def store(data: Path, token: str, name: str, content: bytes) -> str:
    """Write a recording to the disk, and return its name. An earlier recording of the same name is kept.

    It is complete on the disk when this function returns: it is written under another name first.
    """
    folder = data / FOLDER / token
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = folder / f".{ids.text(16)}"
    with unfinished.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    stored = _free_path(folder / name)
    unfinished.rename(stored)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return stored.name


def _free_path(path: Path) -> Path:
    """Return the path, with a number before the end of its name if there is a file already."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem} ({number})")
    return free
