"""Anything that fits the description, and much that does not: the server is never at a loss."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from support.people import PUBLIC
from support.running import ADMIN, ADMIN_PASSWORD, LoopThread, Server

from talkd.app import ROUTES
from talkd.areas.signaling import routes as signaling
from talkd.web.openapi import document

EXAMPLES = 4

schema = schemathesis.openapi.from_dict(
    document(ROUTES),
    config=SchemathesisConfig.from_dict(
        {
            "generation": {"max-examples": EXAMPLES, "mode": "all", "database": "none"},
            "phases": {"coverage": {"enabled": False}, "stateful": {"enabled": False}},
        }
    ),
)


class Callers:
    """A member, a moderator, an administrator and a visitor, and a public room of theirs."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.moderator, self.member = server.add_user("moderator"), server.add_user("member")
        self.clients = {
            "administrator": server.client(ADMIN, ADMIN_PASSWORD), "moderator": self.moderator.http,
            "member": self.member.http, "visitor": server.client(),
        }  # fmt: skip

    def make_room(self) -> str:
        """A fresh one, because the last may not have survived."""
        return self.moderator.create_room(PUBLIC, participants={"users": [self.member.id]})

    def send(self, case: Any, name: str) -> httpx.Response:
        """One request, with a client that the rest of the tests uses too."""
        made = requests.Request(**case.as_transport_kwargs(base_url=self.url)).prepare()
        client = self.clients[name]
        assert isinstance(made.body, str | bytes | None)
        headers = {name: str(value) for name, value in made.headers.items()} | {"OCS-APIRequest": "true"}
        return client.request(str(made.method), str(made.url), headers=headers, content=made.body)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def callers(request: pytest.FixtureRequest, databases: object, loop_thread: LoopThread) -> Iterator[Callers]:
    """On a server of their own: administrators break things."""
    server = Server(loop_thread, databases.config(request.param))  # type: ignore[attr-defined]
    made = Callers(server)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signaling, "MAX_POLL_SECONDS", 0)  # nobody waits here
        yield made
    server.stop()


@pytest.fixture
def token(callers: Callers) -> str:
    return callers.make_room()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
def test_no_request_breaks_the_server(case: Any, callers: Callers, token: str) -> None:
    if "timeout" in (case.query or {}) or "/chat/" in case.path:
        case.query = {**(case.query or {}), "timeout": 0}
    for number, name in enumerate(callers.clients):
        if number and "token" in (case.path_parameters or {}):
            case.path_parameters = {**case.path_parameters, "token": token}
        answer = callers.send(case, name)
        sent = answer.request
        assert answer.status_code < 500, f"{name}: {sent.method} {sent.url} {sent.content!r}"
