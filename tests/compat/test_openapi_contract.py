"""Answers match the published OpenAPI description of the API.

The description is not part of the project. It is the file TALKD_CONTRACT, or `../shared/reference/openapi-full.json`
beside the checkout.
"""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest

from support.parts import CONTRACT
from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server

ROOT = Path(__file__).parents[2]
FILE = Path(os.environ.get("TALKD_CONTRACT") or ROOT.parent / "shared" / "reference" / "openapi-full.json")

pytestmark = CONTRACT.skip_if(not FILE.is_file())

NULL_TOO = {"statusClearAt", "statusIcon", "statusMessage", "federation"}
"""Fields that are null in recordings of the real server, although the description does not allow it."""
EVERYWHERE = {401, 403, 404, 405, 412, 429}
"""Statuses of guards, which the description lists only for some operations."""


@cache
def contract() -> Any:
    """Return the description, loosened where the real server differs from it."""
    return loosened(msgspec.json.decode(FILE.read_bytes()))


def loosened(node: Any) -> Any:
    """Allow empty lists in place of empty maps, and null in the fields of NULL_TOO."""
    if isinstance(node, list):
        return [loosened(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: loosened(value) for key, value in node.items()}
    properties = inner.get("properties")
    if isinstance(properties, dict):
        for name in NULL_TOO & properties.keys():
            properties[name] = {"anyOf": [properties[name], {"type": "null"}]}
    if inner.get("type") == "object" and not inner.get("required"):
        return {"anyOf": [inner, {"type": "array", "maxItems": 0}]}
    return inner


@cache
def operations() -> list[tuple[re.Pattern[str], str, dict[str, Any]]]:
    """Return path pattern, method and description of all operations. Paths with fewer parameters come first."""
    found = []
    for path, methods in sorted(contract()["paths"].items(), key=lambda item: item[0].count("{")):
        path = path.replace("{apiVersion}", r"v\d")
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$")
        found += [(pattern, method.upper(), operation) for method, operation in methods.items()]
    return found


@cache
def validator(text: bytes) -> jsonschema_rs.Validator:
    schema = {**msgspec.json.decode(text), "components": contract()["components"]}
    return jsonschema_rs.validator_for(schema)


class Contract:
    """Records every answer that does not match."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.checked: set[str] = set()

    def check(self, answer: httpx.Response) -> None:
        answer.read()
        method, path = answer.request.method, answer.request.url.path
        for pattern, verb, operation in operations():
            if verb == method and pattern.match(path):
                self._check(answer, f"{method} {operation['operationId']}", operation)
                return

    def _check(self, answer: httpx.Response, name: str, operation: dict[str, Any]) -> None:
        status = str(answer.status_code)
        self.checked.add(f"{name} {status}")
        described = operation["responses"].get(status)
        if described is None:
            if answer.status_code in EVERYWHERE:
                return
            self.broken.append(f"{name}: status {status} is not described: {answer.text[:200]}")
            return
        schema = described.get("content", {}).get("application/json", {}).get("schema")
        if schema is None or not answer.content or "json" not in answer.headers["content-type"]:
            return
        for error in validator(msgspec.json.encode(schema)).iter_errors(answer.json()):
            self.broken.append(f"{name} {status} at {'/'.join(map(str, error.instance_path))}: {error.message[:300]}")


@pytest.fixture
def contract_of_everybody(server: Server) -> Iterator[tuple[Server, Contract]]:
    """Yield a server whose clients check every answer."""
    checked = Contract()
    original = server._make_client

    def make(*args: Any, **options: Any) -> httpx.Client:
        return original(*args, event_hooks={"response": [checked.check]}, **options)

    server._make_client = make  # type: ignore[method-assign]
    yield server, checked
    del server._make_client


def test_a_day_of_conversations(contract_of_everybody: tuple[Server, Contract]) -> None:
    server, contract = contract_of_everybody
    alice, bob, stranger = (server.add_user(name) for name in ("alice", "bob", "stranger"))
    visitor = server.visitor()
    group, public = alice.create_room(GROUP), alice.create_room(PUBLIC, password="let me in")
    private = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.get("v4/room/note-to-self")
    alice.add(group, bob)
    alice.add(group, server.add_group(stranger), "groups")
    alice.add(group, "somebody@example.org", "emails")
    visitor.join(public, password="let me in")
    bob.join(public, password="let me in")
    for token in (group, public, private):
        _talk(alice, bob, token)
        _call(alice, bob, token)
    _settings(alice, group)
    _refusals(alice, stranger, visitor, group, public)
    visitor.post(f"v1/guest/{public}/name", displayName="Ada")
    visitor.say(public, "Hello")
    alice.post(f"v4/room/{group}/moderators", attendeeId=alice.attendee(group, bob))
    alice.delete(f"v4/room/{group}/moderators", attendeeId=alice.attendee(group, bob))
    alice.delete(f"v4/room/{group}/attendees", attendeeId=alice.attendee(group, bob))
    bob.request("DELETE", f"v4/room/{private}/participants/self")
    alice.delete(f"v4/room/{group}")
    assert len(contract.checked) > 50
    assert not contract.broken, "\n".join(sorted(set(contract.broken)))


def _talk(alice: Person, bob: Person, token: str) -> None:
    first = alice.say(token, f"Hello @{bob.id} and @all")
    bob.say(token, "Answer", replyTo=first["id"], silent=True, referenceId="a" * 64)
    last = alice.history(token)[0]["id"]
    for person in (alice, bob):
        person.get("v4/room", includeStatus="true")
        person.room(token)
        person.get(f"v4/room/{token}/participants", includeStatus="true")
    place = '{"name": "Somewhere", "latitude": "1.5", "longitude": "2"}'
    alice.post(f"v1/chat/{token}/share", objectType="geo-location", objectId="geo:1.5,2", metaData=place)
    bob.get(f"v1/chat/{token}/share", objectType="location")
    bob.get(f"v1/chat/{token}/share/overview")
    alice.request("GET", f"v1/chat/{token}", lookIntoFuture=1, timeout=0, lastKnownMessageId=last - 1)
    alice.request("GET", f"v1/chat/{token}", lookIntoFuture=1, timeout=0, lastKnownMessageId=last)
    bob.post(f"v1/chat/{token}/read", lastReadMessage=last)
    bob.delete(f"v1/chat/{token}/read")
    reminder = f"v1/chat/{token}/{first['id']}/reminder"
    bob.request("GET", reminder)
    bob.post(reminder, timestamp=4_000_000_000)
    bob.get(reminder)
    bob.delete(reminder)


def _call(alice: Person, bob: Person, token: str) -> None:
    for person in (alice, bob):
        person.join(token)
        person.get("v3/signaling/settings", token=token)
        person.get(f"v3/signaling/{token}")
    alice.post(f"v4/call/{token}", flags=7)
    alice.post(f"v4/call/{token}/ring/{alice.attendee(token, bob)}")
    bob.post(f"v4/call/{token}", flags=7)
    alice.get(f"v4/call/{token}")
    bob.put(f"v4/call/{token}", flags=1)
    alice.post(f"v3/signaling/{token}", messages="[]")
    alice.request("GET", f"v4/call/{token}/notification-state")
    bob.delete(f"v4/call/{token}")
    alice.delete(f"v4/call/{token}", all=True)
    bob.delete(f"v4/room/{token}/participants/active")


def _settings(alice: Person, token: str) -> None:
    path = f"v4/room/{token}"
    alice.put(path, roomName="New name")
    alice.put(f"{path}/description", description="New description")
    alice.post(f"{path}/favorite")
    alice.delete(f"{path}/favorite")
    alice.post(f"{path}/notify", level=1)
    alice.post(f"{path}/notify-calls", level=0)
    alice.put(f"{path}/read-only", state=1)
    alice.put(f"{path}/read-only", state=0)
    alice.request("POST", f"{path}/public", password="a long password")
    alice.put(f"{path}/password", password="")
    alice.delete(f"{path}/public")


def _refusals(alice: Person, stranger: Person, visitor: Person, group: str, public: str) -> None:
    for person in (stranger, visitor):
        for method, path in (
            ("GET", f"v4/room/{group}x"),
            ("GET", f"v1/chat/{group}x?lookIntoFuture=0"),
            ("GET", f"v4/call/{group}x"),
            ("POST", f"v4/call/{group}x"),
            ("DELETE", f"v4/room/{group}x"),
            ("POST", f"v1/chat/{group}x/read"),
        ):
            person.request(method, path)
        person.request("POST", f"v4/room/{public}/participants/active", password="wrong")
        person.request("POST", f"v4/room/{group}x/participants/active")
    alice.request("PUT", f"v4/room/{group}", roomName="")
    alice.request("POST", f"v1/chat/{group}", message="")
    alice.request("POST", f"v1/chat/{group}/share", objectType="file", objectId="1")
    alice.request("POST", f"v1/chat/{group}/summarize", fromMessageId=1)
    alice.request("POST", f"v1/chat/{group}", message="x" * 32_001)
    alice.request("POST", f"v4/room/{group}/notify", level=9)
    alice.request("POST", "v4/room", roomType=9)
    alice.request("POST", f"v4/room/{group}/participants", newParticipant="nobody")
    alice.request("DELETE", f"v4/room/{group}/participants/self")
    alice.request("DELETE", f"v4/room/{group}/attendees", attendeeId=10**9)
