"""Recordings as files in the data folder."""

import os
from pathlib import Path

FOLDER = "recordings"


def read_head(path: Path, size: int) -> bytes:
    """Return the beginning of a file."""
    with path.open("rb") as file:
        return file.read(size)


def store(data: Path, token: str, name: str, received: Path) -> str:
    """Move a received file to the recordings of a room, and return its name. An earlier one of the same name is kept.

    It is complete on the disk when this function returns.
    """
    folder = data / FOLDER / token
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_through(received)
    stored = _link_as(received, folder / name)
    received.unlink()
    _write_through(folder)
    return stored.name


def remove(data: Path, token: str, name: str) -> None:
    """Remove a recording of a room."""
    (data / FOLDER / token / name).unlink(missing_ok=True)


def _write_through(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _link_as(received: Path, path: Path) -> Path:
    """Give a file another name, with a number before its end if there is a file of that name. Return the new path."""
    number, free = 1, path
    while True:
        try:
            free.hardlink_to(received)  # fails if another upload has just taken the name
        except FileExistsError:
            number += 1
            free = path.with_stem(f"{path.stem} ({number})")
        else:
            return free
