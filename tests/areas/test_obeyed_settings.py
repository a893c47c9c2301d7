"""Settings of administrators are in force from the next request on."""

import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import pytest

from support.people import PUBLIC, Person
from support.running import Server
from support.time import stop_time

SETTINGS = "v3/signaling/settings"


@contextlib.contextmanager
def setting(server: Server, key: str, value: str) -> Iterator[None]:
    """Give a setting this value within the context."""
    path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
    server.admin.post(path, json={"value": value}).raise_for_status()
    try:
        yield
    finally:
        server.admin.delete(path).raise_for_status()


# --- STUN and TURN servers -------------------------------------------------------------
def test_clients_get_the_stun_servers(server: Server, alice: Person) -> None:
    before = alice.get(SETTINGS)["stunservers"]
    with setting(server, "stun_servers", '["stun.example.org:3478","stun.example.org:443"]'):
        expected = [{"urls": ["stun:stun.example.org:3478", "stun:stun.example.org:443"]}]
        assert alice.get(SETTINGS)["stunservers"] == server.visitor().get(SETTINGS)["stunservers"] == expected
        assert alice.get("v1/signaling/settings")["stunservers"][0]["url"].startswith("stun:stun.example.org:")
    assert alice.get(SETTINGS)["stunservers"] == before == []


def test_clients_get_turn_servers_with_temporary_credentials(server: Server, alice: Person) -> None:
    servers = [
        {"schemes": "turn,turns", "server": "turn.example.org:3478", "secret": "first", "protocols": "udp,tcp"},
        {"schemes": "turns", "server": "other.example.org:443", "secret": "second", "protocols": "tcp"},
    ]
    with setting(server, "turn_servers", json.dumps(servers)):
        first, second = alice.get(SETTINGS)["turnservers"]
        assert server.visitor().get(SETTINGS)["turnservers"] == []
        assert "turn.example.org" not in alice.http.get("/ocs/v2.php/cloud/capabilities").text
        assert server.client().get("/").text.count("<span>Relay for calls (TURN)</span><span>on</span>") == 1
    assert first["urls"] == [
        f"{scheme}:turn.example.org:3478?transport={way}" for scheme in ("turn", "turns") for way in ("udp", "tcp")
    ]
    assert second["urls"] == ["turns:other.example.org:443?transport=tcp"]
    for given, secret in ((first, b"first"), (second, b"second")):
        assert abs(int(given["username"].partition(":")[0]) - time.time() - 86_400) < 60
        signed = hmac.new(secret, given["username"].encode(), hashlib.sha1).digest()
        assert given["credential"] == base64.b64encode(signed).decode()


def test_the_warning_about_signaling_can_be_hidden(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alice.get(SETTINGS)["hideWarning"] is True
    monkeypatch.setattr(server.config.calls, "signaling", "polls")
    assert alice.get(SETTINGS)["hideWarning"] is False
    with setting(server, "hide_signaling_warning", "yes"):
        assert alice.get(SETTINGS)["hideWarning"] is True


# --- duration of calls --------------------------------------------------------------------
def test_calls_end_after_the_maximum_duration(
    server: Server, alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = int(time.time())
    stop_time(monkeypatch, began)
    for person in (alice, bob):
        person.join(token)
        person.post(f"v4/call/{token}", flags=1)
    with setting(server, "max_call_duration", "20"):
        capabilities = alice.http.get("/ocs/v2.php/cloud/capabilities").json()["ocs"]["data"]["capabilities"]
        assert capabilities["spreed"]["config"]["call"]["max-duration"] == 20
        stop_time(monkeypatch, began + 15)
        server.run_job("end_long_calls")
        assert bob.room(token)["hasCall"] is True
        stop_time(monkeypatch, began + 20)
        server.run_job("end_long_calls")
        assert bob.room(token)["hasCall"] is False
    assert alice.get(f"v4/call/{token}") == []
    last = alice.room(token)["lastMessage"]
    assert last["systemMessage"] == "call_ended_everyone"
    assert last["message"] == (
        "Call with {user1} and {user2} was ended, as it reached the maximum call duration (Duration 0:20)"
    )


def test_calls_do_not_end_without_a_maximum_duration(server: Server, alice: Person, token: str) -> None:
    alice.join(token)
    alice.post(f"v4/call/{token}", flags=1)
    for value in ("0", "3600"):
        with setting(server, "max_call_duration", value):
            server.run_job("end_long_calls")
            assert alice.room(token)["hasCall"] is True


# --- permissions in new rooms -----------------------------------------------
def test_new_conversations_have_the_default_permissions(server: Server, alice: Person, bob: Person, token: str) -> None:
    with setting(server, "default_permissions", "246"):
        new, public = alice.create_room(), alice.create_room(PUBLIC)
        chosen = alice.create_room(permissions=130)
        old = alice.post("v1/room", roomType=PUBLIC, roomName="Old")["token"]
        assert alice.room(token)["defaultPermissions"] == 0
        one_to_one = alice.post("v4/room", roomType=1, invite=bob.id)
    alice.add(new, bob)
    assert [alice.room(each)["defaultPermissions"] for each in (new, public, old, chosen)] == [247, 247, 247, 131]
    assert bob.room(new)["permissions"] == 247
    assert one_to_one["defaultPermissions"] == 0
    assert alice.room(alice.create_room())["defaultPermissions"] == 0
