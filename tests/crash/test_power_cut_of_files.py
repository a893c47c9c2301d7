"""A power cut takes no acknowledged file. It takes each name whose folder was not written through to the disk."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import talkd.blobs.disk
from support.files import Files
from support.running import Server
from talkd.config import Config

SECONDS = 20


class Disk:
    """What the disk of a server holds after a power cut. `pause` lets the next upload wait before a folder is safe."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.safe: set[Path] = set()
        self.paused: Path | None = None
        self.is_waiting, self.goes_on = threading.Event(), threading.Event()

    def write_through(self, folder: Path) -> None:
        """Do what the server does to make the names in a folder safe."""
        if self.paused == folder:
            self.paused = None
            self.is_waiting.set()
            assert self.goes_on.wait(SECONDS)
        self.safe.update(folder.iterdir())

    def list_blobs(self) -> set[str]:
        """Return the names of the contents that can be found after a power cut."""
        folders = {path for path in self.safe if path.parent == self.data}
        prefixes = {path for path in self.safe if path.parent in folders}
        return {path.name for path in self.safe if path.parent in prefixes}


@pytest.fixture(params=["sqlite", "postgres"])
def config(request: pytest.FixtureRequest, databases: Any) -> Config:
    """Settings for a new server that waits for its disk, on each database."""
    made: Config = databases.config(request.param)
    made.database.durable = True
    return made


@pytest.fixture
def disk(config: Config, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk on which all contents go into one folder."""
    made = Disk(Path(config.data))
    monkeypatch.setattr(talkd.blobs.disk, "_write_through", made.write_through)
    monkeypatch.setattr(talkd.blobs.disk, "new_key", lambda: f"aa{os.urandom(15).hex()}")
    return made


@pytest.mark.parametrize("folder", ["", "files"])
def test_no_upload_is_acknowledged_while_its_folder_may_vanish(
    config: Config, new_server: Callable[[Config], Server], disk: Disk, folder: str
) -> None:
    files = Files(new_server(config).add_user("dora"))
    disk.paused = disk.data / folder
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(files.put, "/first", b"first")
        assert disk.is_waiting.wait(SECONDS)
        files.put("/second", b"second")
        assert len(disk.list_blobs()) == 1
        disk.goes_on.set()
        first.result()
    assert len(disk.list_blobs()) == 2


def test_a_folder_that_an_earlier_server_left_is_made_safe(
    config: Config, new_server: Callable[[Config], Server], disk: Disk
) -> None:
    (disk.data / "files" / "aa").mkdir(parents=True)
    Files(new_server(config).add_user("dora")).put("/a", b"first")
    assert len(disk.list_blobs()) == 1
