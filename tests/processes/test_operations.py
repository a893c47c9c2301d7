"""What the processes of a database tell administrators together."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.company import at, soon
from support.running import Server
from talkd.areas.operations.merging import merge
from talkd.bus.others import Others
from talkd.bus.sockets import SocketBus
from talkd.cli.listening import examine_server
from talkd.cli.storages import examine_files
from talkd.config import Config

STATUS = "/ocs/v2.php/apps/talkd/api/v1/status"


def metrics_of(server: Server) -> dict[str, list[Any]]:
    text = server.client().get("/metrics").text
    return {family.name: family.samples for family in text_string_to_metric_families(text)}


def test_metrics_are_those_of_all_processes_of_the_machine(
    pair: tuple[Server, Server], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    monkeypatch.setattr(os, "getpid", lambda: 4711)  # both servers run in the process of the tests
    alice = first.add_user("alice")
    token = alice.create_room()
    polling = threads.submit(
        at(second, alice).get, f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=alice.say(token, "x")["id"]
    )
    second.wait_for(lambda: second.app.world.changes.waiting)
    found = metrics_of(first)
    waiting = {each.labels["process"]: each.value for each in found["talkd_waiting_polls"]}
    assert sorted(waiting.values()) == [0, 1]
    assert "4711" in waiting
    assert [each.value for each in found["talkd_processes"]] == [2]
    assert [each.labels for each in found["talkd_accounts"]] == [{}], "what is common has no label"
    assert [each.value for each in found["talkd_bus_connected"]] == [1, 1]
    assert max(each.value for each in found["talkd_bus_messages_sent"]) > 0
    assert {each.value for each in found["talkd_bus_missed"]} == {0}
    alice.say(token, "y")
    polling.result(10)


def test_metrics_leave_out_a_process_that_does_not_answer(pair: tuple[Server, Server]) -> None:
    first, second = pair
    second.app.world[Others].on("question", lambda *_: None)
    assert len(metrics_of(first)["talkd_waiting_polls"]) == 1


def test_the_status_is_that_of_all_processes(pair: tuple[Server, Server], threads: ThreadPoolExecutor) -> None:
    first, second = pair
    alice = first.add_user("alice")
    token = alice.create_room()
    polling = threads.submit(
        at(second, alice).get, f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=alice.say(token, "x")["id"]
    )
    second.wait_for(lambda: second.app.world.changes.waiting)
    shown = first.admin.get(STATUS).json()["ocs"]["data"]
    assert shown["waiting"] == 1
    assert [each["hears"] for each in shown["processes"]] == [True, True]
    alice.say(token, "y")
    polling.result(10)


def test_a_process_that_has_lost_the_bus_is_degraded_but_healthy(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = pair
    client = first.client()
    assert client.get("/healthz").json()["status"] == "ok"
    monkeypatch.setattr(SocketBus, "is_connected", False)
    answer = client.get("/healthz")
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["status"], shown["database"]) == ("degraded", "ok")
    assert "bus" in shown["reason"]
    assert soon(lambda: metrics_of(first)["talkd_bus_connected"][0].value == 0)


def test_samples_get_labels_whatever_they_have() -> None:
    text = b'# HELP a A thing.\n# TYPE a gauge\na 1.0\n# HELP b B {x} y.\n# TYPE b counter\nb_total{k="a b"} 2.0\n'
    assert merge({"1": text, "2": text}).decode().splitlines() == [
        "# HELP a A thing.",
        "# TYPE a gauge",
        'a{process="1"} 1.0',
        'a{process="2"} 1.0',
        "# HELP b B {x} y.",
        "# TYPE b counter",
        'b_total{process="1",k="a b"} 2.0',
        'b_total{process="2",k="a b"} 2.0',
    ]


def test_the_doctor_names_the_processes_that_serve_the_database(pair: tuple[Server, Server]) -> None:
    first, _ = pair
    found = first.run(examine_server(first.config))
    places = [each.app.world[Others].myself.place for each in pair]
    who = f"talkd with 2 processes ({'; '.join(sorted(places))})"
    assert found.found == f"{who} serves this database and answers at {first.url}"


def test_the_doctor_warns_of_a_process_that_does_not_hear_the_others(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = pair
    monkeypatch.setattr(SocketBus, "is_connected", False)
    assert soon(lambda: first.run(examine_server(first.config)).state == "warn")
    assert "without the bus" in first.run(examine_server(first.config)).found


def test_the_doctor_warns_if_processes_on_several_machines_keep_files_on_their_disks(tmp_path: Path) -> None:
    async def list_states(config: Config) -> list[str]:
        return [each.state async for each in examine_files(config) if each.subject == "files"]

    config = Config()
    config.data = str(tmp_path)
    assert asyncio.run(list_states(config)) == ["ok"]
    config.bus.url = "nats://127.0.0.1"
    assert asyncio.run(list_states(config)) == ["ok", "warn"]
