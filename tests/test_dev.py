"""`talkd serve --dev`: sample accounts for trying things out, kept away from people and from the network."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from support.served import API, PASSWORD, Served
from talkd.cli.root import app


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path, "--dev") as server:
        yield server


def test_dev(dev: Served, tmp_path: Path) -> None:
    for name in ("alice", "bob", "carol", "dave", "erin"):
        assert dev.ask("GET", f"{API}/v4/room", name, f"{name}-{name}").status_code == 200
    dev.ask("POST", f"{API}/v4/room", "alice", "alice-alice", data={"roomType": 3, "roomName": "soon gone"})
    reset = "/ocs/v2.php/apps/talkd/api/v1/reset"
    assert dev.ask("POST", reset, "alice", "alice-alice").status_code == 403
    assert dev.ask("POST", reset, "admin", "admin").status_code == 200
    shown = dev.ask("GET", f"{API}/v4/room", "alice", "alice-alice").json()["ocs"]["data"]
    assert {room["type"] for room in shown} == {4, 6}  # what newcomers find
    assert not (tmp_path / "talkd.db").exists(), "its data is thrown away"


@pytest.mark.parametrize(("mine", "status"), [("admin", 1), ("somebody", 1), ("alice", 0)])
def test_dev_stays_away_from_a_database_of_people(databases: Any, tmp_path: Path, mine: str, status: int) -> None:
    url = databases.config("postgres").database.url
    made = CliRunner().invoke(app, ["user", "add", mine, "--password-stdin", "--database", url], input=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    server = Served(tmp_path, "--dev", "--database", url)
    if status:
        assert server.process.wait(30) == status
        assert "has accounts of its own" in server.stop()
    else:
        with server:
            assert server.ask("GET", f"{API}/v4/room", "bob", "bob-bob").status_code == 200


def test_reset_is_absent_without_dev(tmp_path: Path) -> None:
    with Served(tmp_path, TALKD_ADMIN_PASSWORD=PASSWORD) as server:
        reset = server.ask("POST", "/ocs/v2.php/apps/talkd/api/v1/reset", "admin", PASSWORD)
        nothing = server.ask("POST", "/ocs/v2.php/apps/talkd/api/v1/nothing", "admin", PASSWORD)
    assert (reset.status_code, reset.content) == (404, nothing.content)


@pytest.mark.parametrize("words", [["--host", "0.0.0.0"], ["--host", "::"], ["--host", "192.0.2.1"]])
def test_sample_passwords_are_not_exposed_by_accident(tmp_path: Path, words: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "talkd", "serve", "--dev", "--data", str(tmp_path), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert "--dev-exposed" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_sample_passwords_can_be_exposed_on_purpose(tmp_path: Path) -> None:
    with Served(tmp_path, "--dev", "--dev-exposed", "--host", "0.0.0.0") as server:
        assert server.ask("GET", f"{API}/v4/room", "alice", "alice-alice").status_code == 200
