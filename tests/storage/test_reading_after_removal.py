"""Whoever was removed hears nothing that was said after the removal was acknowledged.

On PostgreSQL the guards and the reading are statements that see different moments. These tests remove somebody and
say something right between the two.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from support.people import Person
from support.running import Server

from talkd.areas.participants import store as participants
from talkd.areas.search import store as search
from talkd.storage.postgres import PostgresTx
from talkd.storage.statements import Statement

SECRET = "said afterwards"

Between = Callable[[Statement, int, Callable[[], None]], None]


@pytest.fixture
def server(servers: Callable[[str], Server]) -> Server:
    return servers("postgres")


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Has something done by others right after the nth time that a statement was run."""

    def arm(statement: Statement, times: int, act: Callable[[], None]) -> None:
        left = times

        def wrapped(original: Any) -> Any:
            async def run(self: PostgresTx, each: Statement, /, **parameters: Any) -> Any:
                nonlocal left
                result = await original(self, each, **parameters)
                if each is statement:
                    left -= 1
                    if left == 0:
                        await asyncio.to_thread(act)
                return result

            return run

        for name in ("one", "all"):
            monkeypatch.setattr(PostgresTx, name, wrapped(getattr(PostgresTx, name)))

    return arm


@dataclass
class Race:
    """Bob in a room of alice, who removes him and says something when that is acknowledged."""

    alice: Person
    bob: Person
    token: str
    said: int
    attendee_id: int

    def remove(self) -> None:
        self.alice.delete(f"v4/room/{self.token}/attendees", attendeeId=self.attendee_id)
        self.alice.say(self.token, SECRET)
        place = {"type": "geo-location", "id": "geo:1,2", "name": SECRET, "latitude": "1", "longitude": "2"}
        shared = {"objectType": place["type"], "objectId": place["id"], "metaData": json.dumps(place)}
        self.alice.post(f"v1/chat/{self.token}/share", **shared)


@pytest.fixture
def race(server: Server) -> Race:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    people = alice.get(f"v4/room/{token}/participants")
    seat = next(each["attendeeId"] for each in people if each["actorId"] == bob.id)
    return Race(alice, bob, token, alice.say(token, "before")["id"], seat)


@pytest.mark.parametrize(
    ("path", "params", "looks"),
    [
        ("v1/chat/{token}", {"lookIntoFuture": 0}, 1),
        ("v1/chat/{token}", {"lookIntoFuture": 1, "lastKnownMessageId": "{said}", "timeout": 0}, 1),
        ("v1/chat/{token}", {"lookIntoFuture": 1, "lastKnownMessageId": "{said}", "timeout": 0}, 2),
        ("v1/chat/{token}", {"offset": 0, "timeout": 0}, 1),
        ("v1/chat/{token}/{said}/context", {}, 1),
        ("v1/chat/{token}/share/overview", {}, 1),
        ("v1/chat/{token}/share", {"objectType": "location"}, 1),
        ("v4/room/{token}/participants", {}, 1),
    ],
)
def test_nothing_is_read_after_removal(
    race: Race, between: Between, path: str, params: dict[str, Any], looks: int
) -> None:
    between(participants._USER, looks, race.remove)
    wanted = {key: race.said if value == "{said}" else value for key, value in params.items()}
    answer = race.bob.request("GET", path.format(token=race.token, said=race.said), **wanted)
    assert SECRET not in answer.text
    assert answer.status_code == 404


def test_nothing_is_found_after_removal(race: Race, between: Between) -> None:
    between(search._MEMBERSHIPS, 1, race.remove)
    found = race.bob.get("/ocs/v2.php/search/providers/talk-message/search", term="said")
    assert found["entries"] == []


def test_whoever_stays_reads_on(race: Race, between: Between) -> None:
    """The others are answered as before when somebody is removed in between."""
    between(participants._USER, 1, race.remove)
    assert SECRET in {each["message"] for each in race.alice.history(race.token)}
