"""Every waiting client gets every message once, in the order of ids, even if its connections break off."""

import asyncio
import random
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.people import TALK, Person
from support.running import HEADERS, PASSWORD, Server
from talkd.storage.postgres_tx import PostgresTx

PATIENCE = st.one_of(st.none(), st.integers(0, 30))
"""Milliseconds after which a client hangs up; None if it waits for the answer."""
WRITERS = st.lists(
    st.lists(st.sampled_from(["say", "say", "edit", "react"]), min_size=1, max_size=6), min_size=2, max_size=4
)
POLLERS = st.lists(st.tuples(st.integers(1, 9), st.lists(PATIENCE, min_size=1, max_size=5)), min_size=2, max_size=4)


class Device:
    """A client of a user, in the event loop of the test."""

    def __init__(self, server: Server, person: Person, token: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=server.url, auth=(person.id, PASSWORD), headers=HEADERS, timeout=30, trust_env=False
        )
        self.token = token

    async def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = await self.http.request(method, f"{TALK}{path}", json=body)
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return answer.json()["ocs"]["data"]

    async def write(self, steps: list[str]) -> None:
        """Post, edit and react. The system message of a reaction has an id too, but wakes nobody."""
        last = (await self.ask("POST", f"v1/chat/{self.token}", message="first"))["id"]
        for step in steps:
            if step == "say":
                newer = (await self.ask("POST", f"v1/chat/{self.token}", message="more"))["id"]
                assert newer > last
                last = newer
            elif step == "edit":
                await self.ask("PUT", f"v1/chat/{self.token}/{last}", message="changed")
            else:
                await self.ask("POST", f"v1/reaction/{self.token}/{last}", reaction="👍")

    async def wait(self, after: int, limit: int, patience: list[int | None]) -> list[int]:
        """Return the ids of messages after an id, up to the message END. Hang up and ask again as `patience` says."""
        seen: list[int] = []
        turn = 0
        while True:
            known = seen[-1] if seen else after
            asking = self.http.get(
                f"{TALK}v1/chat/{self.token}",
                params={"lookIntoFuture": 1, "lastKnownMessageId": known, "limit": limit, "timeout": 20},
            )
            until = patience[turn % len(patience)]
            turn += 1
            try:
                # Only the first hundred times, so that the most impatient clients get to the end too.
                answer = await asyncio.wait_for(asking, None if until is None or turn > 100 else until / 1000)
            except TimeoutError:
                continue
            assert answer.status_code == 200, f"nothing came after {known}, though END must"
            page = answer.json()["ocs"]["data"]
            assert answer.headers["X-Chat-Last-Given"] == str(page[-1]["id"])
            seen += [each["id"] for each in page]
            if page[-1]["message"] == "END":
                return seen


async def run(server: Server, people: list[Person], token: str, start: int, plan: Any) -> list[list[int]]:
    """Return the ids that each poller got while the writers posted."""
    writers, pollers = plan
    devices = [Device(server, people[number % len(people)], token) for number in range(len(writers) + len(pollers))]
    try:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            waiting = [
                group.create_task(device.wait(start, limit, patience))
                for device, (limit, patience) in zip(devices[len(writers) :], pollers, strict=True)
            ]
            await asyncio.gather(*(device.write(steps) for device, steps in zip(devices, writers, strict=False)))
            await devices[0].ask("POST", f"v1/chat/{token}", message="END")
        return [task.result() for task in waiting]
    finally:
        for device in devices:
            await device.http.aclose()


@pytest.fixture
def uneven_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delay statements on PostgreSQL at random, so that transactions overtake each other if they can."""
    chance = random.Random(1)

    def delayed(method: str) -> None:
        known = getattr(PostgresTx, method)

        async def slower(*args: Any, **parameters: Any) -> Any:
            await asyncio.sleep(chance.choice((0, 0, 0.001, 0.003)))
            return await known(*args, **parameters)

        monkeypatch.setattr(PostgresTx, method, slower)

    for method in ("all", "one", "run"):
        delayed(method)


@pytest.mark.usefixtures("uneven_delays")
def test_every_client_gets_every_message_once_in_order(server: Server) -> None:
    people = [server.add_user(name) for name in ("alice", "bob", "carol")]

    @settings(
        max_examples=10,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # shrinking a failure would take minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(WRITERS, POLLERS))
    def check(plan: Any) -> None:
        token = people[0].create_room()
        for other in people[1:]:
            people[0].add(token, other)
        start = people[0].history(token)[0]["id"]
        seen = asyncio.run(run(server, people, token, start, plan))
        there = [each["id"] for each in reversed(people[0].history(token, limit=200)) if each["id"] > start]
        assert there == sorted(set(there))
        for ids in seen:
            assert ids == there

    check()
