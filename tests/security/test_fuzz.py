"""Random requests, valid and invalid, cause no server errors."""

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation

from support.people import PUBLIC
from support.raw import has_failed
from support.running import ADMIN, ADMIN_PASSWORD, LoopThread, Server
from talkd.app import ROUTES
from talkd.areas.signaling import routes as signaling
from talkd.web.openapi import document
from talkd.web.routing import Kind, Route

DATABASES = ("sqlite", "postgres")
operations = [
    found.ok()  # type: ignore[union-attr]  # an operation that schemathesis cannot read fails here
    for found in schemathesis.openapi.from_dict(
        document(ROUTES), config=SchemathesisConfig.from_dict({"generation": {"database": "none"}})
    ).get_all_operations()
]


class Callers:
    """A member, a moderator, an administrator and a visitor, with a public room."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.moderator, self.member = server.add_user("moderator"), server.add_user("member")
        self.clients = {
            "administrator": server.client(ADMIN, ADMIN_PASSWORD),
            "moderator": self.moderator.http,
            "member": self.member.http,
            "visitor": server.client(),
        }

    def make_room(self) -> str:
        """Create a new room, because a request may have deleted the last one."""
        return self.moderator.create_room(PUBLIC, participants={"users": [self.member.id]})

    def send(self, case: Any, name: str) -> httpx.Response:
        """Send one request with the client of a caller."""
        made = requests.Request(**case.as_transport_kwargs(base_url=self.url)).prepare()
        client = self.clients[name]
        assert isinstance(made.body, str | bytes | None)
        headers = {name: str(value) for name, value in made.headers.items()} | {"OCS-APIRequest": "true"}
        return client.request(str(made.method), str(made.url), headers=headers, content=made.body)


@pytest.fixture(scope="module")
def callers(databases: Any, loop_thread: LoopThread) -> Iterator[dict[str, Callers]]:
    """Callers by database, on new servers, because requests of the administrator change their settings."""
    servers = {kind: Server(loop_thread, databases.config(kind)) for kind in DATABASES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signaling, "MAX_POLL_SECONDS", 0)  # so that polls do not wait
        yield {kind: Callers(server) for kind, server in servers.items()}
    for server in servers.values():
        server.stop()


@pytest.mark.timeout(0)  # --examples says how long it takes
@pytest.mark.parametrize("operation", operations, ids=lambda operation: operation.label)
def test_no_request_breaks_the_server(
    operation: APIOperation[Any, Any, Any, Any], callers: dict[str, Callers], examples: int
) -> None:
    """Generating a request costs more than answering it, so each goes to both databases."""
    rooms = {kind: each.make_room() for kind, each in callers.items()}
    cases = operation.as_strategy(GenerationMode.POSITIVE) | operation.as_strategy(GenerationMode.NEGATIVE)

    @settings(max_examples=examples, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))
    @given(cases)
    def send(case: Any) -> None:
        if "timeout" in (case.query or {}) or "/chat/" in case.path:
            case.query = {**(case.query or {}), "timeout": 0}
        for kind, each in callers.items():
            for number, name in enumerate(each.clients):
                if number and "token" in (case.path_parameters or {}):
                    case.path_parameters = {**case.path_parameters, "token": rooms[kind]}
                answer = each.send(case, name)
                sent = answer.request
                assert answer.status_code < 500, f"{kind}, {name}: {sent.method} {sent.url} {sent.content!r}"

    send()


ODD_VALUES: tuple[Any, ...] = (
    "",
    "0",
    "-1",
    "x",
    None,
    True,
    0,
    1,
    2**31,
    2**63,
    -(2**63),
    2**70,
    1.5,
    1e300,
    [],
    {},
    [None],
    [[]],
    {"a": []},
    {"0": "x"},
    "\x00",
    "a\x00b",
    "\ud800",
    "\ufdd0",
    "\uffff",
    "%",
    "_",
    "\\",
    "'",
    '"',
    "../..",
    "@all",
    "[]",
    "{}",
    "{actor}",
    "null",
    "1e9",
    "9" * 400,
    "x" * 51_000,
    "\u0315" * 20_000,
    "é" * 300,
    "\u202e",
    "\r\nX: y",
    "2024-02-30",
    "9999-12-31",
    "0001-01-01",
    "P9999Y",
    "https://[::1",
    "//",
    "?",
    "#",
    "email",
    "users",
    "x@x",
    "a" * 70 + "@x.org",
)
ODD_PARTS = ("1", "0", "admin", "a%2Fb", "%00", "%ff", "999999999999999999999", "x")
FORMS = ("json", "query", "form")


def odd_request(chance: random.Random, route: Route, token: str) -> tuple[str, dict[str, Any]]:
    """Return the address of a route, and random parameters for httpx."""
    names = [field.encode_name for field in msgspec.structs.fields(route.params)]
    path = route.path.replace("{token}", token if chance.random() < 0.8 else "%ff")
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + chance.choice(ODD_PARTS) + rest.partition("}")[2]
    if route.kind is Kind.OCS:
        path = f"/ocs/v{chance.choice((1, 2))}.php{path}"
    values = {name: chance.choice(ODD_VALUES) for name in names if chance.random() < 0.7}
    values |= {"format": chance.choice(("json", "xml", "x", []))} if chance.random() < 0.2 else {}
    if "timeout" in names or "/chat/" in path or "/signaling/" in path:
        path += "?timeout=0"
        values.pop("timeout", None)
    texts = {
        f"{name}[]" if isinstance(value, list) else name: str(value)[:2000].encode("utf-8", "replace")
        for name, value in values.items()
    }
    match chance.choice(FORMS):
        case "json":
            return path, {"content": json.dumps(values), "headers": {"Content-Type": "application/json"}}
        case "query":
            return f"{path}{'&' if '?' in path else '?'}{urlencode(texts)}", {}
        case _:
            return path, {"data": texts}


@pytest.mark.timeout(0)  # --fuzz says how long it takes
@pytest.mark.parametrize("kind", DATABASES)
def test_no_parameters_break_the_server(callers: dict[str, Callers], kind: str, fuzz_requests: int) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    people = callers[kind]
    token = people.make_room()
    for number in range(fuzz_requests):
        if number % 50 == 49:
            token = people.make_room()
        route = chance.choice(ROUTES)
        path, sent = odd_request(chance, route, token)
        client = chance.choice(list(people.clients.values()))
        answer = client.request(route.method, path, **sent)
        said = f"HTTP/1.1 {answer.status_code} \r\n".encode() + answer.content
        assert not has_failed(said), f"{route.method} {path} {sent}: {answer.text}"
