"""`talkd serve --workers`: workers that are killed and replaced, and a parent that is killed or stopped."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from support.load import POLL_SECONDS, Load
from support.processes import Process
from support.running import ADMIN, ADMIN_PASSWORD, HEADERS
from support.several import await_true
from talkd.cli.workers import ONE_SIGNAL, STOP_SECONDS

COUNT = 3
LOGIN = (ADMIN, ADMIN_PASSWORD)


@pytest.fixture
def parent(tmp_path: Path, new_database: Callable[[], str]) -> Iterator[Process]:
    """A server with workers."""
    settings = {"DATABASE": new_database(), "DATABASE_CONNECTIONS": "6", "SECURITY_THROTTLE": "false"}
    with Process(tmp_path / "talkd", "--workers", str(COUNT), **settings) as process:
        await_true(lambda: len(list_workers(process)) == COUNT)
        yield process


def list_workers(process: Process) -> list[int]:
    """Return the process ids of the workers that live."""
    number = process.popen.pid
    children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    return [int(each) for each in children if _is_running(int(each))]


def _is_running(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def create_room(process: Process) -> str:
    answer = process.admin.post("/ocs/v2.php/apps/spreed/api/v4/room", json={"roomType": 3, "roomName": "Room"})
    token: str = answer.json()["ocs"]["data"]["token"]
    return token


def test_a_killed_worker_is_replaced_and_nobody_misses_anything(parent: Process, seconds: float) -> None:
    token = create_room(parent)
    with Load([parent.url], token, [LOGIN]) as load:
        load.await_more()
        before = list_workers(parent)
        os.kill(before[0], signal.SIGKILL)
        await_true(lambda: len(list_workers(parent)) == COUNT and list_workers(parent) != before)
        until = time.monotonic() + seconds
        load.await_more()
        while time.monotonic() < until:
            load.await_more()
        load.check()


def poll(url: str, token: str, known: int) -> tuple[int, float]:
    """Wait for a message. Return the status and how long it took."""
    began = time.monotonic()
    with httpx.Client(base_url=url, auth=LOGIN, trust_env=False, timeout=60) as client:
        path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}"
        params: dict[str, int | str] = {
            "lookIntoFuture": 1,
            "lastKnownMessageId": known,
            "timeout": 30,
            "format": "json",
        }
        answer = client.get(path, params=params, headers=HEADERS)
    return answer.status_code, time.monotonic() - began


def begin_polls(parent: Process, pool: ThreadPoolExecutor, count: int) -> "list[Future[tuple[int, float]]]":
    """Return polls that wait."""
    token = create_room(parent)
    room = parent.admin.get(f"/ocs/v2.php/apps/spreed/api/v4/room/{token}").json()["ocs"]["data"]
    polls = [pool.submit(poll, parent.url, token, room["lastMessage"]["id"]) for _ in range(count)]

    def count_waiting() -> float:
        lines = parent.admin.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("talkd_waiting_polls"))

    await_true(lambda: count_waiting() == count)
    return polls


def test_sigterm_answers_the_polls_that_wait_at_all_workers(parent: Process) -> None:
    with ThreadPoolExecutor(12) as pool:
        polls = begin_polls(parent, pool, 12)
        assert parent.stop() == 0
        assert {each.result(POLL_SECONDS)[0] for each in polls} == {304}


def test_workers_end_with_a_killed_parent_and_answer_their_polls(parent: Process) -> None:
    with ThreadPoolExecutor(12) as pool:
        polls = begin_polls(parent, pool, 12)
        workers = list_workers(parent)
        parent.popen.send_signal(signal.SIGKILL)
        assert {each.result(20)[0] for each in polls} == {304}
        await_true(lambda: not any(map(_is_running, workers)))


def test_a_second_signal_kills_workers_that_do_not_stop(parent: Process) -> None:
    workers = list_workers(parent)
    os.kill(workers[0], signal.SIGSTOP)
    parent.popen.send_signal(signal.SIGINT)
    await_true(lambda: len(list_workers(parent)) == 1)
    time.sleep(ONE_SIGNAL)  # two signals within this time count as one
    parent.popen.send_signal(signal.SIGINT)
    assert parent.popen.wait(STOP_SECONDS / 2) == 1
    assert not _is_running(workers[0])
