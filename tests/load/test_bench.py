"""`talkd bench` with a whole server."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
import sqlalchemy as sa

from support.commands import run_talkd, run_with
from support.people import Person
from support.processes import TALKD, Process, environment_with
from support.running import ADMIN, ADMIN_PASSWORD, PASSWORD, Server
from talkd.load.actions import Actor
from talkd.load.crowd import PREFIX, Crowd
from talkd.load.http import Login
from talkd.load.measures import Measures
from talkd.load.plan import WEIGHTS, Plan
from talkd.load.report import Report, read_report
from talkd.load.user import Seen, User
from talkd.storage.statements import Statement

PASSWORD_OF_ADMIN = {"BENCH_PASSWORD": ADMIN_PASSWORD}
ROOMS = Statement(sa.text("SELECT token FROM rooms WHERE name LIKE 'Load %' AND deleted = 0"))
DOCUMENTS = Path(__file__).parents[2] / "docs/admin/load.md"


def bench(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return run_talkd("bench", server.url, *words, **PASSWORD_OF_ADMIN)


def left_on(server: Server) -> tuple[list[str], list[str]]:
    """Return the accounts and rooms that the load generator has left on a server."""
    accounts = Person(server.admin, "admin").get("/ocs/v2.php/cloud/users", search=PREFIX)["users"]
    return accounts, server.read(lambda tx: tx.values(ROOMS))


def test_each_message_arrives_once_and_in_order(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    words = ("--users", "20", "--duration", "4", "--rate", "2", "--weight", "call=10")
    done = bench(server, *words, "--json", str(file), "--label", "twenty")
    assert done.returncode == 0, done.stdout + done.stderr
    [step] = read_report(file).steps
    assert (step.users, step.sockets) == (20, 10)
    failed = {name: each.errors for name, each in step.operations.items() if each.errors or each.throttled}
    assert not failed
    found = step.deliveries
    assert found.count > 0
    assert found.since_sent.p50 > 0
    assert (found.lost, found.doubled, found.disordered) == (0, 0, 0)
    assert "lost 0, doubled 0, out of order 0" in done.stdout
    assert left_on(server) == ([], [])


async def test_users_can_do_everything(server: Server) -> None:
    plan = Plan(url=server.url, steps=(4,), rooms=1)
    measures = Measures()
    measures.begin()
    crowd = Crowd(plan, Login(ADMIN, ADMIN_PASSWORD), measures, lambda *_: None)
    actors = [
        Actor(User(number, account, crowd.rooms_of(number), plan, measures), crowd.run)
        for number, account in enumerate(crowd.accounts)
    ]
    try:
        await crowd.make()
        for actor in actors:
            await actor.act("open")
        for actor in actors:
            for name in ("send", *WEIGHTS):
                await actor.act(name)
        await until(lambda: measures.requests["signal"].count > 0)
        await until(crowd.rooms[0].ledger.is_complete)
    finally:
        for actor in actors:
            await actor.waiter.close()
        left = await crowd.remove()
    assert not left
    assert not measures.refused
    assert set(measures.requests) == {
        *("login", "capabilities", "list", "join", "history", "send", "react", "read", "search", "call", "hang up"),
        *("settings", "socket", "signal"),
    }
    assert measures.since_sent.count >= 2 * 4 * 4, "each sends at least twice to all four"
    assert crowd.faults.total == 0


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is fulfilled."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the measures have no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("share", ["0", "1"])
def test_all_may_poll_or_have_sockets(sqlite_server: Server, tmp_path: Path, share: str) -> None:
    file = tmp_path / "report.json"
    words = ("--steps", "4,8", "--rooms", "2", "--duration", "1.5", "--rate", "4", "--sockets", share)
    done = bench(sqlite_server, *words, "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    report = read_report(file)
    assert [(step.users, step.sockets) for step in report.steps] == [(4, 4 * int(share)), (8, 8 * int(share))]
    assert all(step.deliveries.count for step in report.steps)


def test_lost_messages_end_the_command_with_a_status_of_their_own(sqlite_server: Server) -> None:
    taken: list[int] = []
    take = User.take

    def take_all_but_some(user: User, message: Seen, at: float) -> None:
        taken.append(message.id)
        if message.systemMessage or len(taken) % 5:
            take(user, message, at)

    with patch.object(User, "take", take_all_but_some), patch("talkd.load.run.DRAIN_SECONDS", 0.5):
        done = bench(sqlite_server, "--users", "6", "--rooms", "1", "--duration", "2", "--rate", "5", "--sockets", "1")
    assert done.returncode == 3, done.stdout + done.stderr
    counted = re.search(r"lost (\d+), doubled 0, out of order 0", done.stdout)
    assert counted is not None
    assert int(counted[1]) > 0
    assert f"talkd: {counted[1]} deliveries went wrong" in done.stderr


@contextlib.contextmanager
def running_bench(server: Server | Process, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a process of its own, and wait until its rooms are made."""
    command = [*TALKD, "bench", server.url, "--users", "6", "--rooms", "3", *words]
    process = subprocess.Popen(
        command, env=environment_with(PASSWORD_OF_ADMIN), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        until = time.monotonic() + 60
        admin = Person(server.admin, "admin")
        while len(admin.get("/ocs/v2.php/cloud/users", search=PREFIX)["users"]) < 6:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_removes_all_accounts_and_rooms(server: Server) -> None:
    with running_bench(server, "--duration", "600") as process:
        while len(left_on(server)[1]) < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, output + errors
    assert "Traceback" not in errors
    assert "left" not in errors
    assert left_on(server) == ([], [])


def test_ctrl_c_while_accounts_are_made_removes_them(sqlite_server: Server) -> None:
    command = [*TALKD, "bench", sqlite_server.url, "--users", "500"]
    process = subprocess.Popen(command, env=environment_with(PASSWORD_OF_ADMIN), stderr=subprocess.PIPE, text=True)
    while not left_on(sqlite_server)[0]:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert left_on(sqlite_server) == ([], [])


def test_what_a_killed_run_has_left_can_be_removed_later(server: Server) -> None:
    with running_bench(server, "--duration", "600") as process:
        while len(left_on(server)[1]) < 3:
            assert process.poll() is None
        process.kill()
    somebody = server.add_user("somebody")
    kept = somebody.create_room(name="Load test, Tuesday")
    done = bench(server, "--remove-leftovers")
    assert (done.returncode, done.stdout) == (0, "6 accounts removed\n"), done.stderr
    assert left_on(server) == ([], [kept])
    somebody.delete(f"v4/room/{kept}")


def test_a_server_that_ends_during_the_run_is_reported(tmp_path: Path) -> None:
    with Process(tmp_path / "data") as server:
        with running_bench(server, "--duration", "2") as process:
            server.kill()
            output, errors = process.communicate(timeout=100)
        assert process.returncode in (1, 3), output + errors
        assert "Traceback" not in errors
        assert "talkd: accounts may be left on the server: use --remove-leftovers later" in errors


def test_a_wrong_password_is_refused(server: Server) -> None:
    done = run_talkd("bench", server.url, BENCH_PASSWORD="wrong")
    assert (done.returncode, done.stderr) == (1, "talkd: the server does not take the password of admin\n")


def test_only_administrators_can_run_it(server: Server) -> None:
    somebody = server.add_user("somebody")
    done = run_talkd("bench", server.url, "--admin", somebody.id, BENCH_PASSWORD=PASSWORD)
    assert done.returncode == 1
    assert done.stderr.startswith(f"talkd: {somebody.id} is no administrator")


def test_a_server_of_another_kind_is_refused(sqlite_server: Server) -> None:
    done = run_talkd("bench", f"{sqlite_server.url}/static", **PASSWORD_OF_ADMIN)
    assert done.returncode == 1
    assert done.stderr.startswith("talkd: what answers there is neither talkd nor Talk")


def test_a_server_that_does_not_answer_is_named() -> None:
    done = run_talkd("bench", "http://127.0.0.1:9", **PASSWORD_OF_ADMIN)
    assert done.returncode == 1
    assert done.stderr.startswith("talkd: 127.0.0.1:9 does not answer as a server: connection")


@pytest.mark.parametrize("url", ["talk.example.org", "ftp://talk.example.org", "https://"])
def test_a_wrong_address_is_refused(url: str) -> None:
    done = run_talkd("bench", url, **PASSWORD_OF_ADMIN)
    assert done.returncode == 1
    assert "is no address of a server" in done.stderr


def test_a_server_elsewhere_must_be_called_a_test_server() -> None:
    done = run_talkd("bench", "https://talk.example.org", **PASSWORD_OF_ADMIN)
    assert done.returncode == 1
    assert "--yes-this-is-a-test-server" in done.stderr


def test_the_password_is_never_an_argument() -> None:
    done = run_talkd("bench", "http://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (1, "talkd: no password: set TALKD_BENCH_PASSWORD\n")
    assert "--password" not in run_talkd("bench", "--help").stdout


def test_processes_are_measured(sqlite_server: Server, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    words = ("--users", "2", "--duration", "1", "--rate", "5", "--pid", f"talkd={os.getpid()}", "--json", str(file))
    done = bench(sqlite_server, *words)
    assert done.returncode == 0, done.stderr
    [process] = read_report(file).steps[0].server
    assert process.name == "talkd"
    assert process.cpu_seconds > 0
    assert process.memory > 10_000_000


def test_metrics_of_the_server_are_read_by_default(sqlite_server: Server, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    done = bench(sqlite_server, "--users", "2", "--duration", "1.5", "--rate", "5", "--json", str(file))
    assert done.returncode == 0, done.stderr
    [process] = read_report(file).steps[0].server
    assert process.cpu_seconds > 0
    assert process.memory > 10_000_000


def test_a_process_that_does_not_exist_is_named(sqlite_server: Server) -> None:
    done = bench(sqlite_server, "--pid", "talkd=999999999")
    assert (done.returncode, done.stderr) == (1, "talkd: --pid talkd=999999999: there is no such process\n")


def fields_of(kind: Any) -> set[str]:
    """Return the names of the fields of the report and of all that is in it."""
    schema = msgspec.json.schema(kind)
    return {name for each in schema["$defs"].values() for name in each["properties"]}


def test_all_fields_of_the_report_and_all_options_are_documented() -> None:
    text = DOCUMENTS.read_text()
    missing = {name for name in fields_of(Report) if f"`{name}`" not in text}
    assert not missing
    options = set(re.findall(r"--[a-z-]+", run_with({}, "bench", "--help").stdout)) - {"--help"}
    assert not {option for option in options if option not in text}
