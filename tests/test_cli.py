"""The command line: the server process, and commands without and beside a running server."""

import contextlib
import inspect
import json
import os
import re
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.commands import run_talkd
from support.people import TALK, data_of
from support.processes import Process
from support.running import ADMIN, PASSWORD, free_port
from talkd import __version__
from talkd.__main__ import main
from talkd.cli.certificates import examine_tls
from talkd.cli.command import ConfigCommand
from talkd.cli.root import GROUPS, app
from talkd.config_groups import ServerConfig

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command with a data folder of this test and returns the output."""
    for name in list(os.environ):
        if name.startswith("TALKD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TALKD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def command(*words: str, status: int = 0, stdin: str = "") -> str:
        result = CliRunner().invoke(app, words, input=stdin)
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    return command


def test_version_prints_the_version(run: Run) -> None:
    assert run("version") == f"talkd {__version__}\n"


def test_an_interrupt_while_modules_load_shows_no_stack_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loading(ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "talkd.cli.root", Loading("root"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def test_an_interrupted_command_ends_without_a_message(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("talkd.config.load", interrupt)
    assert run("user", "list", status=130) == ""


def test_each_command_receives_its_options_and_arguments() -> None:
    groups: list[click.Group] = [app, *(import_module(module).app for module, _ in GROUPS.values())]
    for each in (each for group in groups for each in group.commands.values()):
        if each.callback is None:
            continue  # a group
        given = {param.name for param in each.params if param.expose_value}
        if isinstance(each, ConfigCommand):
            given = given - {"config_file", "data", "database", "quiet"} | {"config"}
        assert set(inspect.signature(each.callback).parameters) == given, each.name


@pytest.mark.parametrize(
    ("version", "room"), [("v1", "RoomV1"), ("v2", "RoomV2"), ("v3", "RoomV3"), ("v4", "RoomView")]
)
def test_openapi_prints_the_operations_of_one_version(run: Run, version: str, room: str) -> None:
    base = f"/ocs/v2.php/apps/spreed/api/{version}/"
    paths = json.loads(run("openapi", "--api", version))["paths"]
    assert all(path.startswith(base) for path in paths)
    assert f'"#/components/schemas/{room}"' in json.dumps(paths[f"{base}room/{{token}}"]["get"])
    assert paths == {path: each for path, each in json.loads(run("openapi"))["paths"].items() if path.startswith(base)}


def test_user_manages_accounts(run: Run) -> None:
    run("user", "add", "alice", "--email", "alice@example.org", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert "already exists" in run("user", "add", "alice", "--password-stdin", stdin=f"{PASSWORD}\n", status=1)
    (account,) = json.loads(run("user", "list", "--json"))
    assert account == {
        "name": "alice",
        "display_name": "alice",
        "email": "alice@example.org",
        "enabled": "yes",
        "groups": "",
    }
    run("user", "disable", "alice")
    assert json.loads(run("user", "list", "--json"))[0]["enabled"] == "no"
    run("user", "enable", "alice")
    run("user", "password", "alice", "--password-stdin", stdin=f"{PASSWORD} 2\n")
    run("user", "delete", "alice", "--yes")
    assert json.loads(run("user", "list", "--json")) == []
    assert "there is no account alice" in run("user", "delete", "alice", "--yes", status=1)


def test_passwords_come_from_standard_input_or_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--password-stdin" in run("user", "add", "alice", status=1)
    assert "at least 10" in run("user", "add", "alice", "--password-stdin", stdin="short\n", status=1)
    monkeypatch.setenv("TALKD_PASSWORD", PASSWORD)
    assert PASSWORD not in run("user", "add", "alice")


def test_group_manages_groups(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKD_PASSWORD", PASSWORD)
    run("group", "add", "staff", "--display-name", "The staff")
    run("user", "add", "alice", "--group", "staff")
    run("user", "add", "bob")
    run("group", "join", "staff", "bob")
    assert json.loads(run("group", "list", "staff", "--json")) == ["alice", "bob"]
    run("group", "leave", "staff", "alice")
    (group,) = json.loads(run("group", "list", "--json"))
    assert (group["id"], group["display_name"], group["members"]) == ("staff", "The staff", 1)
    assert "does not exist" in run("group", "join", "nobody", "bob", status=1)
    run("group", "delete", "staff", "--yes")
    assert "there is no group staff" in run("group", "list", "staff", status=1)


def test_signaling_manages_external_servers(run: Run) -> None:
    assert "server.public_url" in run("signaling", "add", "https://one.test", "--secret", "s3cret")
    assert "changed the secret" not in run("signaling", "add", "https://two.test", "--secret", "s3cret", "--no-verify")
    assert json.loads(run("signaling", "list", "--json")) == [
        {"server": "https://one.test", "verify": True},
        {"server": "https://two.test", "verify": False},
    ]
    assert "s3cret" not in run("signaling", "list")
    assert "changed the secret of 1 other" in run("signaling", "add", "https://one.test", "--secret", "another")
    run("signaling", "remove", "https://one.test")
    assert "there is no signaling server https://one.test" in run("signaling", "remove", "https://one.test", status=1)
    assert "needs a URL like" in run("signaling", "add", "three.test", "--secret", "s3cret", status=1)


def test_config_manages_settings_of_talk(run: Run) -> None:
    assert "not set" in run("config", "get", "start_calls", status=1)
    run("config", "set", "start_calls", "2")
    assert run("config", "get", "start_calls") == "2\n"
    assert json.loads(run("config", "list", "--json")) == {"start_calls": "2"}
    for key, value in (("start_calls", "moderators"), ("allowed_groups", "staff"), ("changelog", "perhaps")):
        assert f"wrong value of {key}: it is " in run("config", "set", key, value, status=1)
    run("config", "set", "allowed_groups", '["staff"]')
    run("config", "delete", "allowed_groups")
    assert "talkd has no setting start_call; it has start_calls, " in run("config", "set", "start_call", "2", status=1)
    assert "talkd has no setting public_url; " in run("config", "set", "public_url", "talk.example.org", status=1)
    run("config", "delete", "start_calls")
    assert json.loads(run("config", "list", "--json")) == {}


def test_mistakes_in_settings_are_explained(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot read the settings file" in run("user", "list", "--config", str(tmp_path / "absent"), status=1)
    monkeypatch.setenv("TALKD_PROT", "1")
    assert "warning: TALKD_PROT is not a setting and changes nothing; did you mean TALKD_PORT?" in run("user", "list")


def test_doctor_before_the_first_start(run: Run) -> None:
    findings = {finding["subject"]: finding for finding in json.loads(run("doctor", "--json"))}
    assert findings["data folder"]["state"] == "ok"
    assert findings["database"]["found"].endswith("the first start fills it")
    assert findings["TURN"]["state"] == "warn"
    assert all(finding["advice"] for finding in findings.values() if finding["state"] != "ok")


def test_doctor_takes_the_options_of_the_server(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        threading.Thread(target=_hang_up, args=(taken,), daemon=True).start()
        options = ("--host", "127.0.0.1", "--port", str(taken.getsockname()[1]))
        findings = {each["subject"]: each for each in json.loads(run("doctor", *options, "--json", status=1))}
    assert findings["address"]["state"] == "fail"
    assert findings["address"]["found"].startswith(f"127.0.0.1:{options[-1]}: ")


def test_a_command_says_that_it_created_a_database(run: Run, tmp_path: Path) -> None:
    assert f"talkd: created a new database: SQLite in {tmp_path / 'data'}" in run("user", "list")
    assert "created" not in run("user", "list")


def test_doctor_names_missing_settings_of_mail(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def mail() -> tuple[str, str]:
        (found,) = (each for each in json.loads(run("doctor", "--json")) if each["subject"] == "mail")
        return found["state"], found["advice"]

    assert mail() == ("ok", "")
    monkeypatch.setenv("TALKD_MAIL_HOST", "smtp.example.org")
    assert mail() == ("warn", "set mail.sender and server.public_url")
    monkeypatch.setenv("TALKD_MAIL_SENDER", "talk@example.org")
    monkeypatch.setenv("TALKD_URL", "http://127.0.0.1:1")
    assert mail() == ("ok", "")


def test_doctor_finds_mistakes(run: Run, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = tmp_path / "talkd.toml"
        settings.write_text(
            f"""
            [server]
            port = {taken.getsockname()[1]}
            public_url = "http://127.0.0.1:1"
            trusted_proxies = ["0.0.0.0/0", "::ffff:0:0/96"]
            tls_certificate = "absent.pem"
            tls_key = "absent.pem"
            [database]
            url = "postgresql://talkd:{PASSWORD.replace(" ", "")}@127.0.0.1:1/talkd"
            [calls]
            turn_servers = ["turn.example.org"]
            stun_servers = ["stun.example.org"]
            """
        )
        threading.Thread(target=_hang_up, args=(taken,), daemon=True).start()
        output = run("doctor", "--config", str(settings), "--json", status=1)
    failed = [finding["subject"] for finding in json.loads(output) if finding["state"] == "fail"]
    assert set(failed) == {"database", "trusted proxy", "TLS", "address", "TURN", "STUN"}
    assert failed.count("trusted proxy") == 2
    assert PASSWORD.replace(" ", "") not in output


def _hang_up(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


def certificate(folder: Path, *, days: int, names: list[str]) -> ServerConfig:
    """Return settings with a certificate that expires in `days`."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(entry) for entry in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return ServerConfig(tls_certificate=str(chain), tls_key=str(secret), public_url="https://talk.example.org")


@pytest.mark.parametrize(
    ("days", "names", "states"),
    [
        (60, ["talk.example.org"], ["ok"]),
        (60, ["*.example.org"], ["ok"]),
        (60, ["example.org"], ["ok", "fail"]),
        (5, ["talk.example.org"], ["warn"]),
        (-5, ["talk.example.org"], ["fail"]),
    ],
)
def test_doctor_checks_names_and_dates_of_the_certificate(
    tmp_path: Path, days: int, names: list[str], states: list[str]
) -> None:
    findings = list(examine_tls(certificate(tmp_path, days=days, names=names)))
    assert [finding.state for finding in findings] == states


def test_doctor_refuses_the_key_of_another_certificate(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    server = certificate(tmp_path, days=60, names=["talk.example.org"])
    server.tls_key = certificate(tmp_path / "other", days=60, names=["talk.example.org"]).tls_key
    assert [finding.state for finding in examine_tls(server)] == ["fail"]


def test_only_the_first_start_creates_and_shows_an_administrator(tmp_path: Path) -> None:
    with Process(tmp_path, ADMIN_PASSWORD="") as first:
        health = httpx.get(f"{first.url}/healthz")
        assert health.json() == {"status": "ok", "database": "ok", "version": __version__}
    screen = first.output
    password = re.search(r"Password +(\S+)", screen)
    assert first.popen.returncode == 0, screen
    assert password is not None
    assert first.url in screen
    assert "Traceback" not in screen

    with Process(tmp_path, ADMIN_PASSWORD="") as later:
        assert later.client(ADMIN, password[1]).get(f"{TALK}v4/room").status_code == 200
        second = run_talkd("serve", "--data", str(tmp_path), "--port", str(free_port()))
        assert second.returncode == 1
        assert "already uses the data folder" in second.stderr
    printed = later.output.removeprefix(screen)
    assert password[1] not in printed
    assert "Administrator" not in printed


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        second = run_talkd("serve", "--data", str(tmp_path), "--port", str(taken.getsockname()[1]))
    assert second.returncode == 1
    assert "cannot listen on 127.0.0.1 port" in second.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--data", "/proc/nowhere"), "cannot use the data folder /proc/nowhere: No such file"),
        (("--host", "host.invalid"), "cannot listen on host.invalid: "),
        (("--database", "postgresql://talkd@127.0.0.1:1/talkd"), "cannot reach PostgreSQL: "),
    ],
)
def test_a_failed_start_says_why(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    port = str(free_port())
    ran = run_talkd("serve", "--data", str(tmp_path), "--port", port, *words, DATABASE_START_TIMEOUT="0")
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"talkd: {sentence}"), ran.stderr
    assert ran.stdout == ""


def test_a_wrong_key_ends_the_start_before_it_creates_a_database(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    tls = certificate(tmp_path / "one", days=60, names=["talk.example.org"])
    wrong = certificate(tmp_path / "other", days=60, names=["talk.example.org"]).tls_key
    for key, sentence in ((wrong, "the key does not belong"), (f"{tmp_path}/absent", f"cannot read {tmp_path}/absent")):
        words = ("serve", "--data", str(tmp_path / "data"), "--port", str(free_port()))
        ran = run_talkd(*words, SERVER_TLS_CERTIFICATE=tls.tls_certificate, SERVER_TLS_KEY=key)
        assert ran.returncode == 1
        assert ran.stderr.startswith(f"talkd: TLS: {sentence}"), ran.stderr
    assert not (tmp_path / "data" / "talkd.db").exists()


def test_only_the_owner_can_read_a_new_data_folder(run: Run, tmp_path: Path) -> None:
    with Process(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    run("group", "add", "staff", "--data", str(tmp_path / "commands"))
    assert (tmp_path / "commands").stat().st_mode & 0o777 == 0o700
    (tmp_path / "data").chmod(0o755)
    (found,) = (each for each in json.loads(run("doctor", "--json")) if each["subject"] == "data folder")
    assert found["state"] == "warn"
    assert "chmod 700" in found["advice"]


def test_a_running_server_applies_the_change_of_a_command(tmp_path: Path) -> None:
    with Process(tmp_path) as server:
        assert server.admin.get(f"{TALK}v4/room").status_code == 200
        changed = CliRunner().invoke(
            app, ["user", "password", "admin", "--password-stdin", "--data", str(tmp_path)], input="another long one\n"
        )
        assert changed.exit_code == 0, changed.output
        until = time.monotonic() + 10
        while server.admin.get(f"{TALK}v4/room").status_code == 200:
            assert time.monotonic() < until, "the server still takes the old password"
            time.sleep(0.1)
        assert server.client(ADMIN, "another long one").get(f"{TALK}v4/room").status_code == 200


def test_a_stopping_server_answers_waiting_clients(tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    with Process(tmp_path, "--dev") as server:
        alice = server.client("alice", "alice-alice")
        room = data_of(alice.post(f"{TALK}v4/room", json={"roomType": 3, "roomName": "wait"}))
        params = {"lookIntoFuture": 1, "timeout": 30, "lastKnownMessageId": room["lastMessage"]["id"]}
        waiting = threads.submit(alice.get, f"{TALK}v1/chat/{room['token']}", params=params)
        until = time.monotonic() + 10
        while "talkd_waiting_polls 1.0" not in httpx.get(f"{server.url}/metrics").text:
            assert time.monotonic() < until
            time.sleep(0.05)
        began = time.monotonic()
        server.popen.send_signal(signal.SIGTERM)
        assert waiting.result(20).status_code == 304
        assert server.wait() == 0, server.output
        assert time.monotonic() - began < 10


def test_config_list_hides_secrets(run: Run) -> None:
    run("config", "set", "sip_bridge_shared_secret", "s3cret")
    for form in ([], ["--json"]):
        listed = run("config", "list", *form)
        assert "[hidden]" in listed
        assert "s3cret" not in listed
    assert run("config", "get", "sip_bridge_shared_secret") == "s3cret\n"


def damage(path: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        (page,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = file.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


@pytest.mark.parametrize("words", [["user", "list"], ["occ", "user:list"], ["doctor", "--json"]])
def test_a_command_on_a_damaged_database_prints_one_error(words: list[str], run: Run, tmp_path: Path) -> None:
    run("migrate")
    damage(tmp_path / "data" / "talkd.db", "users")
    damage(tmp_path / "data" / "talkd.db", "group_members")
    ran = run_talkd(*words, "--data", str(tmp_path / "data"))
    assert ran.returncode == 1
    if words == ["doctor", "--json"]:
        (finding,) = (each for each in json.loads(ran.stdout) if each["subject"] == "database")
        assert finding["state"] == "fail"
        assert "the file is damaged" in finding["found"]
        assert ran.stderr == ""
    else:
        assert ran.stdout == ""
        assert ran.stderr.startswith("talkd: cannot use the database: database disk image is malformed")
        assert ran.stderr.count("\n") == 1
