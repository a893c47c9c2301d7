"""The compose file: its settings exist, and talkd accepts the servers beside it as they are configured there."""

import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.commands import run_talkd
from support.deployment import DEPLOY, filled, load_settings, read_yaml, run_tool, variables_in
from support.parts import BUS, GATEWAY, RELAY
from support.running import free_port
from talkd.bus.nats import NatsBus
from talkd.config import Config

FILE = DEPLOY / "compose.yaml"
VALUES = {
    "TALKD_URL": "https://talk.example.org",
    "TURN_HOST": "127.0.0.1",
    "POSTGRES_PASSWORD": "0123456789abcdef",
    "NATS_PASSWORD": "456789abcdef0123",
    "TURN_SECRET": "123456789abcdef0",
    "JANUS_SECRET": "23456789abcdef01",
}
"""What an administrator may write into `.env`."""


def services() -> dict[str, Any]:
    """Return the services of the compose file with VALUES."""
    found: dict[str, Any] = json.loads(filled(json.dumps(read_yaml(FILE)["services"]), VALUES))
    return found


def settings() -> Config:
    """Return the settings of talkd."""
    return load_settings(services()["talkd"]["environment"])


@contextlib.contextmanager
def running(program: str, *words: str) -> Iterator[None]:
    """Run a server as a user who can write only where anybody may."""
    user = 10003 if os.geteuid() == 0 else None
    process = subprocess.Popen(
        [program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def configured(ports: dict[str, str]) -> Iterator[Path]:
    """Write the configuration of coturn and Janus, with other ports and a new folder in place of /tmp.

    pytest's own folders are closed to other users.
    """
    declared = read_yaml(FILE)["configs"]
    with tempfile.TemporaryDirectory(prefix="talkd-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o777)
        for each in (each for service in ("nats", "coturn", "janus") for each in services()[service]["configs"]):
            text = filled(declared[each["source"]]["content"], VALUES)
            for written, instead in (ports | {"/tmp": f"{folder}/tmp"}).items():
                text = text.replace(written, instead)
            (folder / Path(each["target"]).name).write_text(text)
        yield folder


def test_it_has_the_form_of_a_compose_file() -> None:
    run_tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE)


def test_the_example_of_the_passwords_has_all_variables_and_no_values() -> None:
    lines = (DEPLOY / "example.env").read_text().splitlines()
    written = [line.partition("=") for line in lines if not line.startswith("#")]
    assert {name for name, _, _ in written} == variables_in(FILE.read_text()) == set(VALUES)
    assert not any(value for _, _, value in written)


def test_talkd_finds_its_servers() -> None:
    config, postgres = settings(), services()["postgres"]
    account = postgres["environment"]
    address, _, _ = postgres["ports"][0].rpartition(":")
    assert config.database.url == (
        f"postgresql://{account['POSTGRES_USER']}:{account['POSTGRES_PASSWORD']}@{address}/{account['POSTGRES_DB']}"
    )
    nats = services()["nats"]["ports"][0].rpartition(":")[0]
    assert config.bus.url == f"nats://talkd:{VALUES['NATS_PASSWORD']}@{nats}"
    assert config.server.workers > 1
    assert config.server.host == "127.0.0.1"
    assert config.server.host in config.server.trusted_proxies


@pytest.mark.parametrize("name", ["talkd", "nats", "coturn", "janus"])
def test_a_service_has_no_rights_and_writes_only_into_its_volumes(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    if "build" in service:
        assert (FILE.parent / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_only_what_clients_must_reach_is_open_to_others() -> None:
    for name, service in services().items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert {name for name, service in services().items() if "network_mode" in service} == {"talkd", "coturn", "janus"}


def test_talkd_accepts_coturn_and_janus_as_they_are_configured() -> None:
    coturn, janus = RELAY.find("turnserver"), GATEWAY.find("janus")
    calls = settings().calls
    ports = {"3478": str(free_port()), "8188": str(free_port())}
    given = {
        "CALLS_TURN_SERVERS": calls.turn_servers[0].replace("3478", ports["3478"]),
        "CALLS_TURN_SECRET": calls.turn_secret,
        "CALLS_STUN_SERVERS": calls.stun_servers[0].replace("3478", ports["3478"]),
        "CALLS_JANUS": calls.janus[0].replace("8188", ports["8188"]),
        "CALLS_JANUS_SECRET": calls.janus_secret,
    }
    with (
        configured(ports) as folder,
        running(coturn, "-c", str(folder / "turnserver.conf")),
        running(janus, f"--configs-folder={folder}"),
    ):
        until = time.monotonic() + 30
        while True:
            printed = run_talkd("doctor", "calls", "--json", **given).stdout
            found = {each["subject"]: each["state"] for each in json.loads(printed)}
            if found["TURN"] == found["STUN"] == found["media gateway"] == "ok":
                return
            assert time.monotonic() < until, printed


async def test_talkd_connects_to_nats_as_it_is_configured() -> None:
    program = BUS.find("nats-server")
    port = str(free_port())
    config = settings().bus
    with configured({}) as folder, running(program, "--config", str(folder / "nats.conf"), "--port", port):
        config.url = config.url.replace("14222", port)
        bus = NatsBus(config)
        await bus.open(1, "compose")
        try:
            async with asyncio.timeout(20):
                while not bus.is_connected:  # noqa: ASYNC110 - it tells nobody when it is
                    await asyncio.sleep(0.05)
        finally:
            await bus.close()
