"""Calls of real browsers: each participant sees the pictures of each other."""

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any, Literal

import pytest
from selenium.webdriver import Chrome

from support.callers import Caller
from support.people import PUBLIC, Person
from support.running import Server
from talkd.config import Config

Join = Callable[..., Caller]

pytestmark = pytest.mark.timeout(300)  # four browsers that encode video, on a machine that may be busy


@pytest.fixture
def mode() -> Literal["sockets", "polls"]:
    return "sockets"


@pytest.fixture
def call_server(databases: Any, new_server: Callable[[Config], Server], mode: Literal["sockets", "polls"]) -> Server:
    """A server whose clients ask no STUN server."""
    config: Config = databases.config("sqlite")
    config.calls.signaling, config.calls.stun_servers = mode, []
    return new_server(config)


@pytest.fixture
def owner(call_server: Server) -> Person:
    return call_server.add_user("owner")


@pytest.fixture
def member(call_server: Server) -> Person:
    return call_server.add_user("member")


@pytest.fixture
def link(owner: Person, member: Person) -> str:
    """The token of a public room of both."""
    token = owner.create_room(PUBLIC)
    owner.add(token, member)
    return token


@pytest.fixture
def join(call_browser: Chrome, call_server: Server, link: str) -> Iterator[Join]:
    """Returns a new participant in the room of `link`."""
    joined: list[Caller] = []

    def join_room(user: Person | None = None, **options: Any) -> Caller:
        joined.append(Caller(call_browser, call_server, link, user, **options))
        return joined[-1]

    yield join_room
    assert [each.run("return caller.errors") for each in joined if not each.has_crashed] == [[]] * len(joined)


def meet(*callers: Caller) -> None:
    """Let all join the call, one after the other, until each sees each."""
    for number, caller in enumerate(callers):
        caller.call(*callers[:number])
    for first, second in permutations(callers, 2):
        first.watch(second)


@pytest.mark.parametrize("mode", ["sockets", "polls"])
def test_owner_member_and_guests_see_each_other(join: Join, owner: Person, member: Person) -> None:
    meet(join(owner), join(member), join(), join())


def test_a_client_that_only_polls_meets_those_on_sockets(join: Join, owner: Person, member: Person) -> None:
    meet(join(owner), join(member, only_polls=True), join())
