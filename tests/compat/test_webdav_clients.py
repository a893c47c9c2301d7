"""Programs that speak WebDAV use the files of an account: litmus, which tests servers, and rclone."""

import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from support.parts import WEBDAV
from support.running import PASSWORD, Server

FILES = 1000


@pytest.mark.parametrize("suite", ["basic", "copymove", "http"])
def test_litmus_finds_no_fault(server: Server, suite: str, tmp_path: Path) -> None:
    user = server.add_user("litmus").id
    url = f"{server.url}/remote.php/dav/files/{user}/"
    done = subprocess.run(
        [WEBDAV.find("litmus"), url, user, PASSWORD],
        check=False,
        env={**os.environ, "TESTS": suite},
        cwd=tmp_path,  # it leaves a log there
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(f"summary for `{suite}': of ([0-9]+) tests run: \\1 passed, 0 failed", done.stdout), done.stdout


class Rclone:
    """rclone with an account of the server as its remote `talkd:`."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._folder = folder
        self._program = WEBDAV.find("rclone")
        user = server.add_user("rclone").id
        self._environment = {
            **os.environ,
            "RCLONE_CONFIG": str(folder / "rclone.conf"),
            "RCLONE_CONFIG_TALKD_TYPE": "webdav",
            "RCLONE_CONFIG_TALKD_VENDOR": "nextcloud",
            "RCLONE_CONFIG_TALKD_URL": f"{server.url}/remote.php/dav/files/{user}",
            "RCLONE_CONFIG_TALKD_USER": user,
        }
        self._environment["RCLONE_CONFIG_TALKD_PASS"] = self.run("obscure", PASSWORD).strip()

    def run(self, *words: str | Path) -> str:
        """Run a command that must succeed, and return its output."""
        done = subprocess.run(
            [self._program, *words], check=False, env=self._environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def said(self, *words: str | Path) -> str:
        """Run a command that must succeed, and return what it says about its work."""
        log = self._folder / "rclone.log"
        self.run(*words, "-v", "--log-file", log)
        return log.read_text()


def make_tree(folder: Path) -> dict[str, int]:
    """Make files in a new folder. Return when each was changed."""
    chance, changed = random.Random(14), {}
    for number in range(FILES):
        end = chance.choice(["txt", "jpg", "bin", "tar.gz"])
        path = folder / f"folder {number % 20}" / f"Ünter+{number % 3}" / f"file #{number}%.{end}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randrange(3000)))
        changed[str(path.relative_to(folder))] = 1_400_000_000 + number * 1000
        os.utime(path, (changed[str(path.relative_to(folder))],) * 2)
    return changed


def test_rclone_copies_a_tree_up_and_down(sqlite_server: Server, tmp_path: Path) -> None:
    """rclone sends at most a hundred requests a second, so this takes a while."""
    rclone = Rclone(sqlite_server, tmp_path)
    changed = make_tree(tmp_path / "up")
    rclone.run("copy", tmp_path / "up", "talkd:tree", "--transfers", "8")
    assert rclone.said("check", tmp_path / "up", "talkd:tree").count("hashes could not be checked") == 0
    assert "There was nothing to transfer" in rclone.said("copy", tmp_path / "up", "talkd:tree")
    rclone.run("moveto", "talkd:tree", "talkd:moved")
    rclone.run("copy", "talkd:moved", tmp_path / "down", "--transfers", "8")
    down = {path: path.stat() for path in (tmp_path / "down").rglob("*") if path.is_file()}
    assert {str(path.relative_to(tmp_path / "down")): int(about.st_mtime) for path, about in down.items()} == changed
    for path in down:
        assert path.read_bytes() == (tmp_path / "up" / path.relative_to(tmp_path / "down")).read_bytes()
    rclone.run("purge", "talkd:moved")
    assert rclone.run("lsf", "talkd:") == ""
