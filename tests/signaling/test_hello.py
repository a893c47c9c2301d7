"""Who may say hello at a signaling socket, and with which proof."""

from collections.abc import Callable

import pytest

from support.people import PUBLIC, Person
from support.running import Server
from support.sockets import PATH, Socket
from talkd.areas.settings import service as settings
from talkd.areas.signaling import tokens
from talkd.areas.signaling.service import TICKET_SECRET
from talkd.core import clock

Open = Callable[..., Socket]


def test_a_socket_is_welcomed_with_the_features(open_socket: Open) -> None:
    features = open_socket().welcome["features"]
    assert {"welcome", "hello-v2", "incall-all", "switchto", "audio-video-permissions", "chat-relay"} <= set(features)
    assert "mcu" not in features


@pytest.mark.parametrize("path", [PATH, "/spreed", "/index.php/standalone-signaling/spreed"])
def test_sockets_open_at_both_paths(open_socket: Open, path: str) -> None:
    assert open_socket(path=path).welcome["version"]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_user_says_hello(open_socket: Open, alice: Person, version: str) -> None:
    socket = open_socket()
    socket.hello(alice, version=version)
    assert socket.user_id == alice.id
    assert socket.id
    assert socket.resume_id
    assert socket.id != socket.resume_id
    assert "incall-all" in socket.features


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_guest_says_hello(open_socket: Open, alice: Person, guest: Person, version: str) -> None:
    token = alice.create_room(PUBLIC)
    guest.join(token)
    socket = open_socket()
    socket.hello(guest, version=version, token=token)
    assert socket.user_id == ""


def test_the_settings_name_this_server(alice: Person, server: Server) -> None:
    shown = alice.get("v3/signaling/settings")
    assert (shown["signalingMode"], shown["server"]) == ("external", f"{server.url}/standalone-signaling")


def test_nothing_comes_before_hello(open_socket: Open) -> None:
    socket = open_socket()
    assert socket.refusal("room", roomid="abcdefgh", sessionid="x") == "hello_expected"
    assert socket.refusal("message", recipient={"type": "room"}, data={}) == "hello_expected"


def test_a_second_hello_is_refused(open_socket: Open, alice: Person) -> None:
    socket = open_socket()
    socket.hello(alice)
    assert socket.refusal("hello", version="1.0", resumeid=socket.resume_id) == "bad_request"


def test_the_ticket_of_somebody_else_is_refused(open_socket: Open, alice: Person, bob: Person) -> None:
    ticket = alice.get("v3/signaling/settings")["ticket"]
    for user_id, code in ((bob.id, "invalid_ticket"), ("nobody", "no_such_user"), (None, "invalid_ticket")):
        params = {"userid": user_id, "ticket": ticket}
        assert open_socket().refusal("hello", version="1.0", auth={"params": params}) == code


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        (None, "bad_request"),
        ({}, "auth_failed"),
        ({"params": {"userid": "alice"}}, "auth_failed"),
        ({"params": {"userid": "alice", "ticket": 1}}, "auth_failed"),
        ({"params": "x"}, "auth_failed"),
        ({"type": "other", "params": {}}, "invalid_client_type"),
        ({"type": "federation", "params": {"token": "x"}}, "invalid_client_type"),
        ({"type": "internal", "params": {"random": "x" * 32, "token": "y"}}, "invalid_client_type"),
    ],
)
def test_hellos_without_a_proof_are_refused(open_socket: Open, auth: object, code: str) -> None:
    more = {} if auth is None else {"auth": auth}
    assert open_socket().refusal("hello", version="1.0", **more) == code


def test_an_unknown_version_is_refused(open_socket: Open) -> None:
    assert open_socket().refusal("hello", version="3.0", auth={"params": {}}) == "invalid_hello_version"


@pytest.mark.parametrize(
    ("shift", "code"), [(-tokens.LIFETIME - tokens.LEEWAY - 5, "token_expired"), (300, "token_not_valid_yet")]
)
def test_tokens_are_valid_for_a_minute(open_socket: Open, server: Server, alice: Person, shift: int, code: str) -> None:
    keys = server.write(tokens.get_keys)
    secret = server.write(lambda tx: settings.get_secret(tx, TICKET_SECRET))
    token = tokens.make_token(
        keys,
        issuer=server.url,
        user_id=alice.id,
        display_name="",
        mark=tokens.mark_of(secret, ""),
        now=clock.now() + shift,
    )
    assert open_socket().refusal("hello", version="2.0", auth={"params": {"token": token}}) == code


def test_a_token_of_another_installation_is_refused(open_socket: Open, server: Server, alice: Person) -> None:
    token = tokens.make_token(
        tokens.new_keys(), issuer=server.url, user_id=alice.id, display_name="", mark="", now=clock.now()
    )
    for wrong in (token, "x", token[:-4], ""):
        assert open_socket().refusal("hello", version="2.0", auth={"params": {"token": wrong}}) == "invalid_token"


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_proof_ends_with_its_login(open_socket: Open, server: Server, alice: Person, version: str) -> None:
    proof = alice.get("v3/signaling/settings")["helloAuthParams"][version]
    server.admin_request("PUT", f"/ocs/v2.php/cloud/users/{alice.id}", key="password", value="another long password")
    code = {"1.0": "invalid_ticket", "2.0": "invalid_token"}[version]
    assert open_socket().refusal("hello", version=version, auth={"params": proof}) == code


def test_a_disabled_account_cannot_say_hello(open_socket: Open, server: Server, alice: Person) -> None:
    proof = alice.get("v3/signaling/settings")["helloAuthParams"]["1.0"]
    server.admin_request("PUT", f"/ocs/v2.php/cloud/users/{alice.id}/disable")
    assert open_socket().refusal("hello", version="1.0", auth={"params": proof}) == "no_such_user"


def test_a_client_that_says_nothing_is_cut_off(open_socket: Open) -> None:
    socket = open_socket()
    assert socket.expect("error")["code"] == "hello_expected"
    assert socket.close_code() == 1000


def test_bye_ends_the_session(open_socket: Open, alice: Person) -> None:
    socket = open_socket()
    socket.hello(alice)
    socket.ask("bye")
    assert socket.close_code() == 1000
    assert open_socket().refusal("hello", version="1.0", resumeid=socket.resume_id) == "no_such_session"
