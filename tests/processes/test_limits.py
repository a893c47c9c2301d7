"""Limits for each caller hold for all processes together."""

from support.company import Company, at, soon
from support.running import Server
from talkd.config import Config
from talkd.web.limits import Limit


def few_rooms(config: Config) -> None:
    config.security.throttle = True
    config.limits.rooms = 2


def count_of(server: Server, user_id: str) -> int:
    return server.app.world.limits._windows._counts.get((Limit.ROOMS, user_id), (0, 0))[0]


def test_rooms_at_all_processes_count_together(company: Company) -> None:
    first, second = company(2, few_rooms)
    alice = first.add_user("alice")
    there = at(second, alice)
    alice.create_room()
    soon(lambda: count_of(second, alice.id) == 1)
    there.create_room()
    soon(lambda: count_of(first, alice.id) == 2)
    assert [each.status("POST", "v4/room", roomType=2, roomName="x") for each in (alice, there)] == [429, 429]


def test_what_fails_at_one_process_does_not_count_at_the_others(company: Company) -> None:
    first, second = company(2, few_rooms)
    alice = first.add_user("alice")
    for _ in range(3):
        assert alice.status("POST", "v4/room", roomType=99, roomName="x") == 400
    alice.create_room()
    soon(lambda: count_of(second, alice.id) == 1)
    at(second, alice).create_room()
