"""External signaling servers: what clients are told about them, and what they ask."""

from collections.abc import Iterator

import pytest

from support.people import PUBLIC, Person
from support.running import Server
from support.signaling_servers import SERVERS, ask, call_back, use_servers
from support.time import pass_time
from talkd.core.constants import SESSION_KILL


@pytest.fixture(autouse=True)
def two_servers(server: Server) -> Iterator[None]:
    """Let clients use two external servers that know each other."""
    use_servers(server, *SERVERS)
    yield
    use_servers(server)


def settings(person: Person, token: str) -> dict[str, object]:
    found: dict[str, object] = person.get("v3/signaling/settings", token=token)
    return found


# --- settings -----------------------------------------------------------------------------------
def test_settings_name_an_external_server(alice: Person, token: str) -> None:
    found = settings(alice, token)
    assert (found["signalingMode"], found["hideWarning"]) == ("external", True)
    assert found["server"] in SERVERS


def test_without_servers_clients_use_the_built_in_signaling(server: Server, alice: Person, token: str) -> None:
    use_servers(server)
    assert settings(alice, token)["server"] == f"{server.url}/standalone-signaling"
    use_servers(server, *SERVERS, mode="internal")
    assert settings(alice, token)["server"] == f"{server.url}/standalone-signaling"


def test_with_clusters_a_room_keeps_its_server(server: Server, alice: Person, bob: Person) -> None:
    use_servers(server, *SERVERS, mode="conversation_cluster")
    tokens = [alice.create_room(PUBLIC) for _ in range(12)]
    first = [settings(alice, token)["server"] for token in tokens]
    assert set(first) == set(SERVERS)
    assert settings(alice, tokens[0])["signalingMode"] == "conversation_cluster"
    assert [settings(bob, token)["server"] for token in tokens] == first
    use_servers(server, SERVERS[1], mode="conversation_cluster")
    assert {settings(bob, token)["server"] for token in tokens} == {SERVERS[1]}


def test_a_room_that_got_a_server_has_not_changed(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_servers(server, *SERVERS, mode="conversation_cluster")
    token = alice.create_room()
    pass_time(monkeypatch, 10)
    since = int(alice.request("GET", "v4/room").headers["X-Nextcloud-Talk-Modified-Before"])
    pass_time(monkeypatch, 20)
    settings(alice, token)
    assert token not in {room["token"] for room in alice.get("v4/room", modifiedSince=since)}


# --- who a client is ------------------------------------------------------------------------------
def test_a_ticket_says_who_the_client_is(server: Server, alice: Person, token: str) -> None:
    ticket = settings(alice, token)["ticket"]
    answer = ask(server, "auth", version="1.0", params={"userid": alice.id, "ticket": ticket})
    assert answer["type"] == "auth"
    assert (answer["auth"]["userid"], answer["auth"]["user"]) == (alice.id, {"displayname": "Alice"})


def test_a_guest_has_no_user_id(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    ticket = settings(server.visitor(), token)["ticket"]
    answer = ask(server, "auth", version="1.0", params={"userid": "", "ticket": ticket})
    assert answer == {"type": "auth", "auth": {"version": "1.0"}}


def test_a_foreign_ticket_is_refused(server: Server, alice: Person, bob: Person, token: str) -> None:
    ticket = settings(alice, token)["ticket"]
    for user_id, code in ((bob.id, "invalid_ticket"), ("", "invalid_ticket"), ("nobody-x", "no_such_user")):
        answer = ask(server, "auth", version="1.0", params={"userid": user_id, "ticket": ticket})
        assert (answer["type"], answer["error"]["code"]) == ("error", code)


# --- rooms ---------------------------------------------------------------------------------------
def join(server: Server, token: str, user_id: str, session: str, action: str = "join") -> dict[str, object]:
    answer: dict[str, object] = ask(
        server, "room", version="1.0", roomid=token, userid=user_id, sessionid=session, action=action
    )
    return answer


def test_a_session_may_join_its_room(server: Server, alice: Person, bob: Person, token: str) -> None:
    answer = join(server, token, alice.id, alice.join(token)["sessionId"])
    assert answer["type"] == "room"
    room = answer["room"]
    assert isinstance(room, dict)
    assert (room["roomid"], room["properties"]["name"]) == (token, alice.room(token)["displayName"])
    assert room["permissions"] == ["publish-audio", "publish-video", "publish-screen", "control"]
    assert "session" not in room
    room = join(server, token, bob.id, bob.join(token)["sessionId"])["room"]
    assert isinstance(room, dict)
    assert "control" not in room["permissions"]


def test_a_guest_joins_with_their_name(server: Server, alice: Person) -> None:
    token, guest = alice.create_room(PUBLIC), server.visitor()
    session = guest.join(token)["sessionId"]
    guest.post(f"v1/guest/{token}/name", displayName="Gus")
    room = join(server, token, "", session)["room"]
    assert isinstance(room, dict)
    assert room["session"] == {"displayname": "Gus"}


def test_only_ones_own_session_opens_a_room(server: Server, alice: Person, bob: Person, token: str) -> None:
    session = alice.join(token)["sessionId"]
    for room, user_id, session_id in ((token, bob.id, session), (token, "", session), ("unknown1", alice.id, session)):
        answer = join(server, room, user_id, session_id)
        assert answer["error"]["code"] == "no_such_room"  # type: ignore[index]


def test_who_waits_in_the_lobby_may_publish_nothing(server: Server, alice: Person, bob: Person, token: str) -> None:
    session = bob.join(token)["sessionId"]
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    room = join(server, token, bob.id, session)["room"]
    assert isinstance(room, dict)
    assert room["permissions"] == []


def test_a_client_that_left_leaves_the_room(server: Server, alice: Person, token: str) -> None:
    session = alice.join(token)["sessionId"]
    alice.post(f"v4/call/{token}", flags=3)
    for _ in range(2):
        assert join(server, token, alice.id, session, "leave")["type"] == "room"
    assert alice.participants(token)[alice.id]["sessionIds"] == []
    assert not alice.room(token)["hasCall"]


def test_pings_keep_sessions_alive(
    server: Server, alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = alice.join(token)["sessionId"]
    bob.join(token)
    server.run_job("store_pings")
    pass_time(monkeypatch, SESSION_KILL - 1)
    entries = [{"sessionid": session, "userid": alice.id}, {"sessionid": "0"}]
    assert ask(server, "ping", roomid=token, entries=entries) == {"type": "room", "room": {"version": "1.0"}}
    server.run_job("store_pings")
    pass_time(monkeypatch, SESSION_KILL + 60)
    server.run_job("end_timed_out_sessions")
    present = alice.participants(token)
    assert (present[alice.id]["sessionIds"], present[bob.id]["sessionIds"]) == ([session], [])


# --- proofs ---------------------------------------------------------------------------------------
def test_other_requests_are_refused(server: Server) -> None:
    deep = b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    for content in ({"type": "session", "session": {}}, {"type": "room"}, {}, deep):
        answer = call_back(server, content)
        assert answer.status_code == 200
        assert answer.json()["ocs"]["data"]["type"] == "error"


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_wrong_checksum_is_refused(server: Server, version: str) -> None:
    answer = call_back(server, {"type": "ping", "ping": {}}, version=version, secret="wrong")
    assert (answer.status_code, answer.json()["ocs"]["data"]["error"]["code"]) == (200, "invalid_request")
    assert call_back(server, {"type": "ping", "ping": {}}, version=version).json()["ocs"]["data"]["type"] == "room"


def test_without_servers_no_checksum_is_right(server: Server) -> None:
    use_servers(server)
    for secret in ("wrong", ""):
        answer = call_back(server, {"type": "ping", "ping": {}}, secret=secret)
        assert answer.json()["ocs"]["data"]["error"]["code"] == "invalid_request"


def test_wrong_checksums_are_counted(throttled_server: Server) -> None:
    use_servers(throttled_server, *SERVERS)
    for _ in range(10):
        assert call_back(throttled_server, {"type": "ping"}, secret="wrong").status_code == 200
    assert call_back(throttled_server, {"type": "ping"}, secret="wrong").status_code == 429


def test_an_old_request_brings_nobody_back(
    server: Server, alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = {"actortype": "users", "actorid": bob.id, "sessionid": "virtual-2", "roomid": token}
    ask(server, "room", **caller, action="join", incall=9)
    ask(server, "room", **caller, action="leave")
    pass_time(monkeypatch, 90)
    assert ask(server, "room", **caller, action="join", incall=9)["error"]["code"] == "invalid_request"
    assert alice.get(f"v4/call/{token}") == []


def test_a_bridge_brings_an_attendee_without_a_client(server: Server, alice: Person, bob: Person, token: str) -> None:
    caller = {"actortype": "users", "actorid": bob.id, "sessionid": "virtual-1", "roomid": token}
    answer = ask(server, "room", **caller, userid="", action="join", incall=9)
    assert (answer["type"], answer["room"]["roomid"]) == ("room", token)
    (peer,) = alice.get(f"v4/call/{token}")
    assert (peer["actorId"], peer["sessionId"]) == (bob.id, "virtual-1")
    ask(server, "room", **caller, userid="", action="join", incall=0)
    assert alice.get(f"v4/call/{token}") == []
    assert alice.participants(token)[bob.id]["sessionIds"] == ["virtual-1"]
    ask(server, "room", **caller, userid="", action="leave")
    assert alice.participants(token)[bob.id]["sessionIds"] == []
    for wrong in ({"actorid": "nobody"}, {"roomid": "absent00"}, {"sessionid": ""}):
        assert ask(server, "room", **{**caller, **wrong}, action="join")["error"]["code"] == "no_such_room"
