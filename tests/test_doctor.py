"""`talkd doctor`: with a running server, on a terminal, and with the command that the first start prints."""

import contextlib
import json
import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest

from conftest import Databases
from support.commands import run_with
from support.migrations import Old, bring_to_next
from support.parts import FOREIGN_FILES
from support.running import free_port
from talkd.cli.root import app
from talkd.storage.migrate import REVISIONS
from test_cli import certificate

TALKD = [sys.executable, "-m", "talkd"]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("TALKD_") and name != "NO_COLOR"}


def answers(url: str) -> bool:
    """Return True if a server answers at the address."""
    try:
        httpx.get(url, timeout=2, verify=False)
    except httpx.TransportError:
        return False
    return True


@contextlib.contextmanager
def serving(
    port: int, *words: str, folder: Path, environment: dict[str, str] | None = None, scheme: str = "http"
) -> Iterator[subprocess.Popen[str]]:
    """Run `talkd serve WORDS` in a folder. Its output goes to the file `output` there."""
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [*TALKD, "serve", *words],
            cwd=folder,
            env=CLEAN | (environment or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        until = time.monotonic() + 60
        while not answers(f"{scheme}://127.0.0.1:{port}/healthz"):
            assert process.poll() is None, (folder / "output").read_text()
            assert time.monotonic() < until, (folder / "output").read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()


def findings(folder: Path, *words: str, environment: dict[str, str] | None = None) -> dict[str, dict[str, str]]:
    """Run `talkd doctor WORDS` in a folder, and return the findings by subject."""
    with contextlib.chdir(folder):
        done = run_with(CLEAN | (environment or {}), "doctor", *words, "--json")
    assert done.returncode in (0, 1), done.stderr
    return {each["subject"]: each for each in json.loads(done.stdout)}


@pytest.mark.parametrize("way", ["options", "environment", "settings file"])
def test_doctor_finds_the_running_server(tmp_path: Path, way: str) -> None:
    port, words, environment = free_port(), [], {}
    file = tmp_path / "talkd.toml"
    file.write_text(f"data = 'kept'\n[server]\nhost = '0.0.0.0'\nport = {port}\n")
    if way == "options":
        words = ["--data", "kept", "--host", "localhost", "--port", str(port)]
    elif way == "environment":
        environment = {"TALKD_DATA": "kept", "TALKD_SERVER_HOST": "127.0.0.1", "TALKD_PORT": str(port)}
    else:
        words = ["--config", str(file)]
    with serving(port, *words, folder=tmp_path, environment=environment) as server:
        found = findings(tmp_path, *words, environment=environment | {"http_proxy": "http://127.0.0.1:1"})
        assert found["server"]["state"] == "ok"
        assert found["server"]["found"].startswith(f"process {server.pid} serves this database and answers at http://")
        assert found["server"]["found"].endswith(f":{port}")
        assert found["address"]["found"].startswith("talkd answers on ")
    assert findings(tmp_path, *words, environment=environment)["server"]["found"] == "none serves this database"


def test_doctor_finds_a_server_with_certificate_and_public_address(tmp_path: Path) -> None:
    port, tls = free_port(), certificate(tmp_path, days=60, names=["localhost"])
    file = tmp_path / "talkd.toml"
    file.write_text(
        f"data = 'kept'\n[server]\nport = {port}\npublic_url = 'https://localhost:{port}/talk'\n"
        f"tls_certificate = '{tls.tls_certificate}'\ntls_key = '{tls.tls_key}'\n"
    )
    with serving(port, "--config", str(file), folder=tmp_path, scheme="https") as server:
        trusting = {"SSL_CERT_FILE": tls.tls_certificate}
        found = findings(tmp_path, "--config", str(file), environment=trusting)
        expected = f"process {server.pid} serves this database and answers at https://127.0.0.1:{port}"
        assert found["server"]["found"] == expected
        assert found["public address"]["found"] == f"talkd answers on https://localhost:{port}/talk"


def test_doctor_finds_a_server_on_a_unix_socket(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="talkd-") as short:  # the path of a socket has 107 bytes
        words = "--unix-socket", f"{short}/talkd.sock", "--data", "kept"
        before = findings(tmp_path, *words)
        assert before["address"]["found"] == f"{short}/talkd.sock is free; talkd is not running"
        server = subprocess.Popen([*TALKD, "serve", *words], cwd=tmp_path, env=CLEAN)
        try:
            until = time.monotonic() + 60
            answers_at = f"serves this database and answers at {short}/talkd.sock"
            while not (found := findings(tmp_path, *words))["server"]["found"].endswith(answers_at):
                assert time.monotonic() < until, found
            assert found["address"]["found"] == f"talkd answers on {short}/talkd.sock"
        finally:
            server.terminate()
            server.wait(20)


def test_doctor_finds_a_server_on_postgresql(tmp_path: Path, databases: Databases) -> None:
    port, environment = free_port(), {"TALKD_DATABASE": databases.config("postgres").database.url}
    with serving(port, "--port", str(port), folder=tmp_path, environment=environment):
        found = findings(tmp_path, "--port", str(port), environment=environment)["server"]
        assert found["found"].startswith("a talkd connected from ")
        assert found["found"].endswith(f" serves this database and answers at http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("usable_by", "state", "found"),
    [(REVISIONS[-1], "warn", "beside which this one may run"), ("9998", "fail", "is from a newer talkd")],
)
def test_doctor_says_whether_tables_of_a_later_version_can_be_used(
    databases: Databases, usable_by: str, state: str, found: str
) -> None:
    config = databases.config("sqlite")
    bring_to_next(Old(config), usable_by)
    finding = findings(Path(config.data), "--data", ".")["database"]
    assert finding["state"] == state
    assert found in finding["found"]


def test_doctor_reports_a_server_with_another_database_or_address(tmp_path: Path) -> None:
    port, other = free_port(), str(free_port())
    with serving(port, "--port", str(port), "--data", "kept", folder=tmp_path) as server:
        found = findings(tmp_path, "--port", str(port), "--data", "other")["server"]
        assert (found["state"], found["found"]) == (
            "warn",
            f"a talkd answers at http://127.0.0.1:{port}, but none serves this database",
        )
        found = findings(tmp_path, "--port", other, "--data", "kept")["server"]
        assert (found["state"], found["found"]) == (
            "warn",
            f"process {server.pid} serves this database, but no talkd answers at http://127.0.0.1:{other}",
        )


@FOREIGN_FILES.skip_if(os.geteuid() != 0)
def test_doctor_run_by_root_finds_the_server_of_another_user(tmp_path: Path) -> None:
    port = free_port()
    with serving(port, "--port", str(port), "--data", "kept", folder=tmp_path) as server:
        os.chown(tmp_path / "kept" / "talkd.lock", 65_534, 65_534)
        found = findings(tmp_path, "--port", str(port), "--data", "kept")["server"]
    assert found["found"] == f"process {server.pid} serves this database and answers at http://127.0.0.1:{port}"


# --- colours --------------------------------------------------------------------------------
def print_to(descriptor: int, settings: dict[str, str], folder: Path) -> None:
    """Run `talkd doctor` in a folder, with an open file as its standard output, and close that file."""
    with (
        os.fdopen(descriptor, "w") as output,
        contextlib.redirect_stdout(output),
        contextlib.chdir(folder),
        patch.dict(os.environ, CLEAN | settings, clear=True),
    ):
        assert app(["doctor"], standalone_mode=False) in (None, 0)


@pytest.mark.parametrize(
    ("settings", "is_colored"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_doctor_prints_colours_on_terminals_that_have_them(
    tmp_path: Path, settings: dict[str, str], is_colored: bool
) -> None:
    ours, its = pty.openpty()
    print_to(its, settings, tmp_path)
    printed = b""
    with contextlib.suppress(OSError):  # Linux raises it when the other end is closed
        while part := os.read(ours, 65_536):
            printed += part
    os.close(ours)
    assert (b"\x1b[32m\x1b[1mok" in printed) is is_colored
    assert (b"\x1b[" in printed) is is_colored


def test_doctor_prints_no_colours_into_a_pipe(tmp_path: Path) -> None:
    ours, its = os.pipe()
    print_to(its, {"TERM": "xterm-256color"}, tmp_path)
    with os.fdopen(ours, "rb") as pipe:
        printed = pipe.read()
    assert printed.startswith(b"ok    data folder: ")
    assert b"\x1b" not in printed


# --- the first start ------------------------------------------------------------------------
def doctor_command_in(screen: str) -> str:
    """Return the doctor command that the first start printed."""
    (command,) = (line.partition(":")[2].strip() for line in screen.splitlines() if "Check the set-up:" in line)
    return command


def words_in_a_shell(command: str) -> list[str]:
    """Return the words into which a shell splits a command."""
    print_words = f"printf '%s\\n' {command}"
    return subprocess.run(["bash", "-c", print_words], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("way", ["data and port", "settings file", "file and options", "dev", "environment"])
def test_the_doctor_command_of_the_first_start_works(tmp_path: Path, way: str) -> None:
    port, environment = free_port(), {}
    (tmp_path / "a folder").mkdir()
    file = tmp_path / "a folder" / "talkd.toml"
    file.write_text(f"data = '{tmp_path / 'of the file'}'\n[server]\nport = {port if way == 'settings file' else 1}\n")
    words = {
        "data and port": ["--data", str(tmp_path / "it's here"), "--port", str(port)],
        "settings file": ["--config", "a folder/talkd.toml"],
        "file and options": ["--config", str(file), "--data", "kept", "--port", str(port)],
        "dev": ["--dev", "--port", str(port)],
        "environment": [],
    }[way]
    if way == "environment":
        environment = {"TALKD_DATA": "kept", "TALKD_PORT": str(port)}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with serving(port, *words, folder=tmp_path, environment=environment) as server:
        screen = (tmp_path / "output").read_text()
        command = doctor_command_in(screen)
        program, *words = words_in_a_shell(command)
        assert Path(shutil.which(program) or "").samefile(Path(sys.executable).with_name("talkd"))
        with contextlib.chdir(elsewhere):
            done = run_with(CLEAN, *words)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        if way == "dev":
            assert f"talkd answers on 127.0.0.1:{port}" in done.stdout
        else:
            assert f"server: process {server.pid} serves this database and answers at http://" in done.stdout
    assert list(elsewhere.iterdir()) == []


def test_the_doctor_command_of_the_first_start_contains_no_password(tmp_path: Path, databases: Databases) -> None:
    port, url = free_port(), databases.config("postgres").database.url
    scheme, _, place = url.partition("://")
    login, at, place = place.rpartition("@")
    secret = f"{scheme}://{login.partition(':')[0] or 'postgres'}:secret-of-the-database{at or '@'}{place}"
    with serving(port, "--port", str(port), "--database", secret, folder=tmp_path):
        screen = (tmp_path / "output").read_text()
        assert "secret-of-the-database" not in screen
        command = doctor_command_in(screen)
        environment = CLEAN | {"PGPASSWORD": "secret-of-the-database"}
        done = subprocess.run(
            ["bash", "-c", command], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert f"serves this database and answers at http://127.0.0.1:{port}" in done.stdout
    assert shlex.split(command, comments=True)[-1] == str(port)
