"""`talkd serve --dev`: sample accounts, never in a database with other accounts, and not reachable from the network."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from support.commands import run_talkd
from support.people import TALK, Person, data_of
from support.portraits import picture, set_of_room
from support.processes import Process
from support.running import PASSWORD, free_port
from talkd.cli.root import app

RESET = "/ocs/v2.php/apps/talkd/api/v1/reset"


def stored(server: Process) -> int:
    """Return the number of contents in the storage."""
    found = re.search(r"^talkd_files (\d+)", server.client("admin", "admin").get("/metrics").text, re.MULTILINE)
    assert found is not None
    return int(found[1])


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Process]:
    with Process(tmp_path, "--dev", ADMIN_PASSWORD="") as server:
        yield server


def test_dev_has_sample_accounts_and_a_reset_for_administrators(dev: Process, tmp_path: Path) -> None:
    for name in ("alice", "bob", "carol", "dave", "erin"):
        assert dev.client(name, f"{name}-{name}").get(f"{TALK}v4/room").status_code == 200
    alice = dev.client("alice", "alice-alice")
    data_of(alice.post(f"{TALK}v4/room", json={"roomType": 3, "roomName": "soon gone"}))
    assert alice.post(RESET).status_code == 403
    assert dev.client("admin", "admin").post(RESET).status_code == 200
    shown = data_of(alice.get(f"{TALK}v4/room"))
    assert {room["type"] for room in shown} == {4, 6}  # the changelog and the note to self
    assert not (tmp_path / "talkd.db").exists(), "its data is temporary"


def test_a_reset_deletes_pictures_of_rooms(dev: Process) -> None:
    alice = Person(dev.client("alice", "alice-alice"), "alice")
    assert set_of_room(alice, alice.create_room(), picture()).status_code == 200
    assert stored(dev) == 1
    dev.client("admin", "admin").post(RESET).raise_for_status()
    until = time.monotonic() + 30
    while stored(dev):
        assert time.monotonic() < until, "the contents of the picture stay"
        time.sleep(0.1)


@pytest.mark.parametrize(("mine", "status"), [("admin", 1), ("somebody", 1), ("alice", 0)])
def test_dev_refuses_a_database_with_other_accounts(databases: Any, tmp_path: Path, mine: str, status: int) -> None:
    url = databases.config("postgres").database.url
    made = CliRunner().invoke(app, ["user", "add", mine, "--password-stdin", "--database", url], input=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    if status:
        ran = run_talkd("serve", "--data", str(tmp_path), "--port", str(free_port()), "--dev", "--database", url)
        assert ran.returncode == status
        assert "has other accounts" in ran.stderr
    else:
        with Process(tmp_path, "--dev", "--database", url, ADMIN_PASSWORD="") as server:
            assert server.client("bob", "bob-bob").get(f"{TALK}v4/room").status_code == 200


def test_reset_is_absent_without_dev(tmp_path: Path) -> None:
    with Process(tmp_path) as server:
        reset, nothing = server.admin.post(RESET), server.admin.post(f"{RESET}s")
        assert (reset.status_code, reset.content) == (404, nothing.content)


@pytest.mark.parametrize("words", [["--host", "0.0.0.0"], ["--host", "::"], ["--host", "192.0.2.1"]])
def test_dev_refuses_to_listen_for_other_machines(tmp_path: Path, words: list[str]) -> None:
    ran = run_talkd("serve", "--dev", "--data", str(tmp_path), *words)
    assert ran.returncode == 1
    assert "--dev-exposed" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_dev_exposed_lets_dev_listen_for_other_machines(tmp_path: Path) -> None:
    with Process(tmp_path, "--dev", "--dev-exposed", "--host", "0.0.0.0", ADMIN_PASSWORD="") as server:
        assert server.client("alice", "alice-alice").get(f"{TALK}v4/room").status_code == 200
