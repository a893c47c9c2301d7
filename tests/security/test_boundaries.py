"""Boundaries between rooms, accounts, sessions and sites."""

import io
import logging
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.people import GROUP, ONE_TO_ONE, PUBLIC, TALK, Person
from support.running import PASSWORD, Server
from support.waiting import await_waiting, begin_waiting
from talkd import logs
from talkd.app import ROUTES
from talkd.config_groups import LogConfig

COOKIE = "talkd_session"
USERS = "/ocs/v2.php/cloud/users"


# --- unknown rooms and rooms of others look the same -------------------------------------------------
ROOM_GETS = sorted({route.path for route in ROUTES if route.method == "GET" and "{token}" in route.path})


@pytest.mark.parametrize("path", ROOM_GETS)
def test_a_room_of_others_looks_like_an_unknown_room(sqlite_server: Server, path: str) -> None:
    server = sqlite_server
    owner, stranger, removed = (server.add_user(name) for name in ("owner", "stranger", "removed"))
    token = owner.create_room(GROUP, participants={"users": [removed.id]})
    removed.join(token)
    owner.delete(f"v4/room/{token}/attendees", attendeeId=owner.attendee(token, removed))
    for person in (
        stranger,
        removed,
        server.visitor(),
        Person(server.client("admin", "administrator-administrator"), "admin"),
    ):
        answers = []
        for wanted in (token, "abcdefgh" if token != "abcdefgh" else "hgfedcba"):
            url = "/ocs/v2.php" + path.replace("{token}", wanted).replace("{size}", "64")
            answers.append(person.request("GET", url, lookIntoFuture=0))
        hidden, absent = answers
        assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)
        assert set(hidden.headers) == set(absent.headers)


# --- ids of other rooms -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "moderators"), ("DELETE", "moderators"), ("DELETE", "attendees")]
)
def test_attendees_of_other_rooms_are_not_found(server: Server, method: str, path: str) -> None:
    alice, bob, carol = (server.add_user(name) for name in ("alice", "bob", "carol"))
    mine, theirs = alice.create_room(), bob.create_room(participants={"users": [carol.id]})
    own = {each["attendeeId"] for each in alice.participants(mine).values()}
    foreign = {each["attendeeId"] for each in bob.participants(theirs).values()} - own
    for number in [*foreign, -1, 0, 2**63, "x"]:
        assert alice.status(method, f"v4/room/{mine}/{path}", attendeeId=number) == 404
    assert {each["participantType"] for each in bob.participants(theirs).values()} == {1, 3}


# --- deleted accounts -----------------------------------------------------------------
def test_a_new_account_with_the_same_id_sees_nothing_of_the_old_one(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    group, private = alice.create_room(), alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.add(group, bob)
    alice.say(private, "Hello")
    note = bob.get("v4/room/note-to-self")["token"]
    for token in (group, private, note):
        bob.say(token, "for the first bob")
    device = bob.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    assert server.admin.delete(f"{USERS}/{bob.id}").status_code == 200
    assert bob.status("GET", "v4/room") == 401
    server.run_job("delete_rooms", "forget_accounts")  # the id is reserved until then
    made = server.admin.post(USERS, json={"userid": bob.id, "password": PASSWORD})
    if made.status_code != 200:
        return  # refusing the id for ever is safe too
    again = Person(server.client(bob.id), bob.id)
    assert again.rooms() == {}
    for token in (group, private, note):
        assert again.status("GET", f"v4/room/{token}") == 404
        assert again.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 404
    assert again.get("v4/room/note-to-self")["token"] != note
    assert server.client(bob.id, device).get("/ocs/v2.php/cloud/user").status_code == 401
    renewed = again.post("v4/room", roomType=ONE_TO_ONE, invite=alice.id)["token"]
    assert "for the first bob" not in again.texts(renewed)


# --- removal and demotion take effect at once -------------------------------------------------------
def test_a_demoted_moderator_cannot_moderate(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(participants={"users": [bob.id]})
    number = alice.attendee(token, bob)
    alice.post(f"v4/room/{token}/moderators", attendeeId=number)
    bob.put(f"v4/room/{token}", roomName="Mine")
    alice.delete(f"v4/room/{token}/moderators", attendeeId=number)
    for method, path, params in (
        ("PUT", "", {"roomName": "x"}),
        ("PUT", "/read-only", {"state": 1}),
        ("DELETE", "", {}),
    ):
        assert bob.status(method, f"v4/room/{token}{path}", **params) == 403


def test_waiting_requests_of_a_disabled_account_end(server: Server, threads: ThreadPoolExecutor) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(participants={"users": [bob.id]})
    last = bob.history(token)[0]["id"]
    waiting = begin_waiting(
        server, threads, bob.request, "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=last
    )
    assert server.admin.put(f"{USERS}/{bob.id}/disable").status_code == 200
    alice.say(token, "After he was put out")
    assert waiting.result(10).status_code == 401
    assert bob.status("GET", f"v4/room/{token}") == 401


def test_waiting_requests_of_a_deleted_account_end(server: Server, threads: ThreadPoolExecutor) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(participants={"users": [bob.id]})
    last = bob.history(token)[0]["id"]
    waiting = begin_waiting(
        server, threads, bob.request, "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=last
    )
    server.admin.delete(f"{USERS}/{bob.id}")
    assert waiting.result(10).status_code == 401


def test_waiting_requests_of_a_deleted_room_end(server: Server, threads: ThreadPoolExecutor) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(participants={"users": [bob.id]})
    bob.join(token)
    bob.get(f"v3/signaling/{token}")
    last = bob.history(token)[0]["id"]
    chat = begin_waiting(
        server, threads, bob.request, "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=last
    )
    signaling = threads.submit(bob.request, "GET", f"v3/signaling/{token}")
    await_waiting(server, 2)
    alice.delete(f"v4/room/{token}")
    assert chat.result(10).status_code == 404
    assert signaling.result(10).status_code == 404


# --- the session cookie -------------------------------------------------------------------------
def test_joining_by_password_gives_a_new_cookie(server: Server) -> None:
    alice, visitor = server.add_user("alice"), server.visitor()
    open_room, closed = alice.create_room(PUBLIC), alice.create_room(PUBLIC, password="let me in")
    visitor.join(open_room)
    before = visitor.http.cookies[COOKIE]
    visitor.join(closed, password="let me in")
    after = visitor.http.cookies[COOKIE]
    assert after != before
    thief = Person(server.client(cookies={COOKIE: before}), None)
    assert thief.status("GET", f"v1/chat/{closed}", lookIntoFuture=0) == 404
    assert visitor.status("GET", f"v1/chat/{closed}", lookIntoFuture=0) == 200


def test_a_cookie_chosen_by_the_client_is_replaced(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)
    for _ in range(2):
        visitor = Person(server.client(cookies={COOKIE: "chosen-by-the-attacker"}), None)
        visitor.join(token)
    assert len(alice.participants(token)) >= 2


def test_the_cookie_is_http_only(server: Server) -> None:
    alice = server.add_user("alice")
    answer = alice.request("POST", f"v4/room/{alice.create_room()}/participants/active")
    parts = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")}
    assert {"httponly", "samesite=lax", "path=/"} <= parts


# --- no secrets in logs and errors -----------------------------------------------------
def test_secrets_and_texts_are_not_logged(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(LogConfig(level="debug", format="json"), stream)
    for library in ("httpx", "httpcore"):  # the client of this test logs URLs
        monkeypatch.setattr(logging.getLogger(library), "disabled", True)
    try:
        canary = "canary-7f3a9c"
        alice = server.add_user("alice")
        token = alice.create_room(PUBLIC, f"{canary} room", password=f"{canary}-room")
        alice.say(token, f"{canary} message")
        server.visitor().request("POST", f"v4/room/{token}/participants/active", password=f"{canary}-wrong")
        server.client(alice.id, f"{canary}-password").get("/ocs/v2.php/cloud/user")
        headers = {"Authorization": f"Bearer {canary}", "Cookie": f"{COOKIE}={canary}", "requesttoken": canary}
        server.client(headers=headers).get("/ocs/v2.php/cloud/user", params={"password": canary})
        server.admin.post(USERS, json={"userid": f"{alice.id}x", "password": f"{canary}-password"})
        alice.request("POST", f"v3/signaling/{token}", messages=f'[{{"ev":"message","fn":"{canary}"}}]')
        server.client().post("/login", data={"user": alice.id, "password": canary, "requesttoken": canary})
        assert canary not in stream.getvalue()
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_an_internal_error_shows_only_a_request_id(sqlite_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = sqlite_server.add_user("alice")

    async def broken(_work: object) -> None:
        raise RuntimeError("the secret inside")

    token = alice.create_room()
    monkeypatch.setattr(sqlite_server.app.world.db, "read", broken)
    answer = alice.request("GET", f"v4/room/{token}")
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


# --- other sites (CSRF) -----------------------------------------------------------------------
def log_in(server: Server, person: Person) -> httpx.Client:
    """Return a browser that is logged in. It sends no headers of apps."""
    browser = httpx.Client(base_url=server.url, verify=False, trust_env=False)
    server._clients.append(browser)
    token = browser.get("/csrftoken").json()["token"]
    answer = browser.post("/login", data={"user": person.id, "password": PASSWORD, "requesttoken": token})
    assert answer.status_code == 303, answer.text
    return browser


def test_a_request_with_only_the_cookie_changes_nothing(server: Server) -> None:
    alice = server.add_user("alice")
    browser = log_in(server, alice)
    url = "/ocs/v2.php/apps/spreed/api/v4/room?format=json"
    for headers in ({}, {"requesttoken": ""}, {"requesttoken": "wrong"}, {"Origin": "https://evil.example"}):
        answer = browser.post(url, json={"roomType": 2, "roomName": "Forged"}, headers=headers)
        assert (answer.status_code, answer.json()) == (412, {"message": "CSRF check failed"})
        form = browser.post(url, data={"roomType": 2, "roomName": "Forged"}, headers=headers)
        assert form.status_code == 412
    assert browser.post("/avatar/", files={"files[]": b"x"}).status_code == 412
    assert alice.rooms() == {}
    token = browser.get("/csrftoken").json()["token"]
    for headers in ({"OCS-APIRequest": "true"}, {"requesttoken": token}):
        assert browser.post(url, json={"roomType": 2, "roomName": "Meant"}, headers=headers).status_code == 201


def test_request_tokens_of_others_are_refused(server: Server) -> None:
    alice, mallory = server.add_user("alice"), server.add_user("mallory")
    foreign = log_in(server, mallory).get("/csrftoken").json()["token"]
    browser = log_in(server, alice)
    url = "/ocs/v2.php/apps/spreed/api/v4/room?format=json"
    answer = browser.post(url, json={"roomType": 2, "roomName": "Forged"}, headers={"requesttoken": foreign})
    assert answer.status_code == 412


def visitor_in_a_browser(server: Server) -> httpx.Client:
    """Return a browser without a login. It sends no headers of apps."""
    browser = httpx.Client(base_url=server.url, verify=False, trust_env=False, headers={"Accept": "application/json"})
    server._clients.append(browser)
    return browser


def token_of(browser: httpx.Client) -> str:
    """Return the request token that the browser's own pages send."""
    token: str = browser.get("/index.php/csrftoken").json()["token"]
    return token


def test_a_guest_page_keeps_its_request_token_after_joining(server: Server) -> None:
    alice = server.add_user("alice")
    open_room, closed = alice.create_room(PUBLIC), alice.create_room(PUBLIC, password="let me in")
    browser = visitor_in_a_browser(server)
    token = token_of(browser)
    for room, body in ((open_room, {}), (closed, {"password": "let me in"})):
        joined = browser.post(f"{TALK}v4/room/{room}/participants/active", json=body, headers={"requesttoken": token})
        assert joined.status_code == 200, joined.text
        in_header = browser.get(f"{TALK}v4/room/{room}", headers={"requesttoken": token})
        in_query = browser.get(f"{TALK}v4/room/{room}", params={"requesttoken": token})
        assert in_header.json()["ocs"]["data"]["token"] == in_query.json()["ocs"]["data"]["token"] == room
        form = browser.post(f"{TALK}v1/chat/{room}", data={"message": "Hello", "requesttoken": token})
        assert form.status_code == 201, form.text
        for headers in ({}, {"requesttoken": "wrong"}, {"requesttoken": token_of(visitor_in_a_browser(server))}):
            answer = browser.post(f"{TALK}v1/chat/{room}", data={"message": "Forged"}, headers=headers)
            assert (answer.status_code, answer.json()) == (412, {"message": "CSRF check failed"})


def test_request_tokens_end_with_their_login(server: Server) -> None:
    alice = server.add_user("alice")
    room = alice.create_room()
    browser = log_in(server, alice)

    def status(token: str) -> int:
        return browser.get(f"{TALK}v4/room/{room}", headers={"requesttoken": token}).status_code

    inside = token_of(browser)
    assert status(inside) == 200
    browser.post("/logout", data={"requesttoken": inside})
    assert status(inside) == 412
    outside = token_of(browser)
    assert status(outside) == 404
    browser.post("/login", data={"user": alice.id, "password": PASSWORD, "requesttoken": outside})
    assert status(outside) == 412
    assert status(inside) == 412
    assert status(token_of(browser)) == 200


@pytest.mark.parametrize("has_joined", [False, True])
def test_a_planted_cookie_does_not_share_the_guest(server: Server, has_joined: bool) -> None:
    alice, mallory, guest = server.add_user("alice"), server.visitor(), server.visitor()
    token = alice.create_room(PUBLIC)
    if has_joined:
        mallory.join(token)
    else:
        mallory.http.get("/csrftoken")
    planted = mallory.http.cookies[COOKIE]
    guest.http.cookies.set(COOKIE, planted, domain="127.0.0.1")
    guest.join(token)
    assert guest.http.cookies[COOKIE] != planted
    mallory.http.cookies.clear()
    mallory.http.cookies.set(COOKIE, planted, domain="127.0.0.1")
    assert mallory.status("POST", f"v1/chat/{token}", message="I am the guest") == 404
    assert mallory.join(token)["actorId"] != guest.room(token)["actorId"]


def test_a_guest_who_joins_again_stays_the_same_guest(server: Server) -> None:
    alice, guest = server.add_user("alice"), server.visitor()
    token, other = alice.create_room(PUBLIC), alice.create_room(PUBLIC)
    seats = [guest.join(room)["actorId"] for room in (token, other)]
    assert [guest.join(room)["actorId"] for room in (token, other)] == seats


def test_a_planted_cookie_gives_no_lasting_request_token(server: Server) -> None:
    room = server.add_user("alice").create_room(PUBLIC)
    browser = visitor_in_a_browser(server)
    browser.cookies.set(COOKIE, "planted.token-of-the-attacker", domain="127.0.0.1")
    browser.post(f"{TALK}v4/room/{room}/participants/active", headers={"OCS-APIRequest": "true"})
    answer = browser.get(f"{TALK}v4/room/{room}", headers={"requesttoken": "token-of-the-attacker"})
    assert answer.status_code == 412


def test_pictures_and_downloads_need_no_request_token(server: Server) -> None:
    alice = server.add_user("alice")
    room = alice.create_room(PUBLIC)
    alice.join(room)
    alice.post(f"v4/call/{room}", flags=1)
    browser, visitor = log_in(server, alice), visitor_in_a_browser(server)
    visitor.post(f"{TALK}v4/room/{room}/participants/active", headers={"requesttoken": token_of(visitor)})
    for path in (
        f"{TALK}v1/room/{room}/avatar",
        f"{TALK}v1/room/{room}/avatar/dark",
        f"/avatar/{alice.id}/64",
        f"/avatar/{alice.id}/64/dark",
        "/avatar/guest/Vera/64",
        "/index.php/avatar/guest/Vera/64/dark",
    ):
        for client in (browser, visitor):
            assert client.get(path).headers["content-type"].startswith("image/"), path
    for path in (
        f"{TALK}v1/proxy/{room}/user-avatar/64?cloudId=x@example.org",
        f"{TALK}v1/proxy/new/user-avatar/64?cloudId=x@x",
        f"{TALK}v1/proxy/{room}/user-avatar/64/dark?cloudId=x@example.org",
        f"{TALK}v1/proxy/new/user-avatar/64/dark?cloudId=x@x",
        f"{TALK}v4/call/{room}/download",
    ):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith(("image/", "text/csv")), path
    assert visitor.get(f"{TALK}v4/call/{room}/download").status_code == 403
