"""What only administrators may see and do beside accounts: logins, throttles, all rooms, checks and options."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from support.browsers import log_in
from support.people import GROUP, PUBLIC, Person
from support.running import ADMIN, ADMIN_PASSWORD, PASSWORD, Server, unique
from support.time import pass_time
from talkd.areas.operations import doctor
from talkd.conversation.setting_values import MASK

API = "/ocs/v2.php/apps/talkd/api/v1"
ME = "/ocs/v2.php/cloud/user"
USERS = "/ocs/v2.php/cloud/users"


def administrator(server: Server) -> Person:
    return Person(server.client(ADMIN, ADMIN_PASSWORD), ADMIN)


def with_app_password(server: Server, person: Person) -> Person:
    password = person.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    return Person(server.client(person.id, password, headers={"User-Agent": "A phone"}), person.id)


# --- logins -----------------------------------------------------------------------------------
def test_an_administrator_ends_all_logins_of_an_account(server: Server) -> None:
    admin, alice, bob = administrator(server), server.add_user("alice"), server.add_user("bob")
    browser, app, other = log_in(server, alice), with_app_password(server, alice), with_app_password(server, bob)
    address = f"{API}/accounts/{alice.id.upper()}/logins"
    listed = admin.get(address)
    assert sorted((each["kind"], each["name"] != "") for each in listed) == [("app", True), ("browser", False)]
    assert all(0 < each["since"] <= each["lastUsed"] for each in listed)
    assert bob.status("GET", address) == bob.status("DELETE", address) == 403

    admin.delete(address)
    assert admin.get(address) == []
    assert browser.get(ME, headers={"OCS-APIRequest": "true"}).status_code == 401
    assert (app.status("GET", ME), other.status("GET", ME), alice.status("GET", ME)) == (401, 200, 200)
    assert admin.status("GET", f"{API}/accounts/{unique('nobody')}/logins") == 404


def test_an_app_password_ends_no_logins_of_an_administrator(server: Server) -> None:
    app = with_app_password(server, administrator(server))
    assert app.status("DELETE", f"{API}/accounts/{ADMIN}/logins") == 403
    assert app.status("GET", ME) == 200


def test_accounts_are_listed_by_their_last_login(server: Server, monkeypatch: Any) -> None:
    admin, name = administrator(server), unique("visitor")
    first, second, third = (server.add_user(f"{name}-{letter}") for letter in "abc")
    for person in (third, first):
        log_in(server, person)
        pass_time(monkeypatch, 60)
    listed = list(admin.get(f"{USERS}/recent", search=name)["users"])
    assert listed == [first.id, third.id, second.id]
    assert list(admin.get(f"{USERS}/recent", search=name, limit=1, offset=1)["users"]) == [third.id]
    assert first.status("GET", f"{USERS}/recent") == 403


# --- throttles --------------------------------------------------------------------------------
def test_an_administrator_sees_who_must_wait_and_lifts_it(throttled_server: Server) -> None:
    server = throttled_server
    server.config.security.account_attempts = 11
    admin, alice = administrator(server), server.add_user("Alice")

    def log_in_from(address: str, password: str) -> int:
        client = server.client(alice.id, password, headers={"X-Forwarded-For": address})
        return client.get(ME).status_code

    assert [log_in_from("192.0.2.7", unique("wrong")) for _ in range(11)] == [401] * 10 + [429]
    assert log_in_from("192.0.2.8", unique("wrong")) == 401
    assert (log_in_from("192.0.2.7", PASSWORD), log_in_from("192.0.2.9", PASSWORD)) == (429, 429)

    listed = {(each["action"], each["account"] or each["source"]): each for each in admin.get(f"{API}/throttles")}
    network, account = listed["login", "192.0.2.7"], listed["account", alice.id]
    assert (network["attempts"], network["isRefused"], account["isRefused"]) == (10, True, True)
    assert listed["login", "192.0.2.8"]["isRefused"] is False
    assert 0 < network["seconds"] <= server.config.security.window
    assert [each["isRefused"] for each in admin.get(f"{API}/throttles", limit=2)] == [True, True]
    bob = server.add_user("bob")
    assert bob.status("GET", f"{API}/throttles") == bob.status("DELETE", f"{API}/throttles") == 403

    app = with_app_password(server, admin)
    assert app.refused("DELETE", f"{API}/throttles", action="login", source="192.0.2.7")[0] == 403
    assert log_in_from("192.0.2.7", PASSWORD) == 429
    for each in (network, account):
        admin.delete(f"{API}/throttles", action=each["action"], source=each["source"])
    assert log_in_from("192.0.2.7", PASSWORD) == 200
    assert admin.status("DELETE", f"{API}/throttles", action="login", source="192.0.2.7") == 404
    server.restart()
    assert ("login", "192.0.2.7") not in {
        (each["action"], each["source"]) for each in administrator(server).get(f"{API}/throttles")
    }


# --- rooms ------------------------------------------------------------------------------------
def test_administrators_see_the_size_of_rooms_but_nothing_that_was_written(server: Server) -> None:
    admin, alice, bob = administrator(server), server.add_user("alice"), server.add_user("bob")
    busy, full = alice.create_room(GROUP, "Secret plans"), alice.create_room(PUBLIC, "Everybody")
    for number in range(20):
        alice.say(busy, f"Secret number {number}")
    for other in (bob, *(server.add_user() for _ in range(6))):
        alice.add(full, other)

    def order(name: str) -> list[str]:
        found = admin.get(f"{API}/rooms", order=name, limit=1000)
        return [each["token"] for each in found if each["token"] in (busy, full)]

    assert order("messages") == [busy, full]
    assert order("people") == [full, busy]
    assert sorted(order("activity")) == sorted([busy, full])
    [room] = admin.get(f"{API}/rooms", search=busy)
    assert room == {
        "token": busy,
        "type": GROUP,
        "people": 1,
        "messages": 21,
        "lastActivity": alice.room(busy)["lastActivity"],
        "hasCall": False,
    }
    both = admin.get(f"{API}/rooms", order="people", limit=2)
    assert admin.get(f"{API}/rooms", order="people", limit=1, offset=1) == both[1:]
    assert admin.status("GET", f"{API}/rooms", order="name") == 400
    assert alice.status("GET", f"{API}/rooms") == alice.status("DELETE", f"{API}/rooms/{busy}") == 403


def test_an_administrator_deletes_a_room_but_no_one_to_one(server: Server) -> None:
    admin, alice, bob = administrator(server), server.add_user("alice"), server.add_user("bob")
    token, pair = alice.create_room(), alice.post("v4/room", roomType=1, invite=bob.id)["token"]
    admin.delete(f"{API}/rooms/{token}")
    assert set(alice.rooms()) & {token, pair} == {pair}
    assert admin.status("DELETE", f"{API}/rooms/{token}") == 404
    assert admin.status("DELETE", f"{API}/rooms/{pair}") == 400


# --- the server -------------------------------------------------------------------------------
def test_administrators_see_what_doctor_finds(server: Server, threads: ThreadPoolExecutor) -> None:
    admin = administrator(server)
    first, second = (each.result() for each in [threads.submit(admin.get, f"{API}/checks") for _ in range(2)])
    states = {each["subject"]: each["state"] for each in first}
    assert states["database"] == "ok"
    assert states["public address"] == "warn"
    assert all((each["advice"] == "") == (each["state"] == "ok") for each in first)
    assert {each["subject"] for each in second} == set(states)


def test_checks_that_take_too_long_are_ended(server: Server, monkeypatch: Any) -> None:
    monkeypatch.setattr(doctor, "SECONDS", 0)
    refused = server.admin.get(f"{API}/checks")
    assert refused.status_code == 503
    assert "talkd doctor" in refused.json()["ocs"]["meta"]["message"]


def test_administrators_see_the_options_but_no_secrets(server: Server, monkeypatch: Any) -> None:
    monkeypatch.setattr(server.config.mail, "password", "a secret of the mail server")
    monkeypatch.setattr(server.config.mail, "user", "talkd")
    answer = server.admin.get(f"{API}/options")
    options = {each["name"]: each for each in answer.json()["ocs"]["data"]}
    assert "a secret of the mail server" not in answer.text
    assert options["mail.password"]["value"] == f'"{MASK}"'
    assert options["mail.user"]["value"] == '"talkd"'
    assert (options["server.port"]["default"], options["server.port"]["variable"]) == ("8080", "TALKD_PORT")
    assert options["server.port"]["meaning"] == "Port to listen on."
    assert options["calls.turn_secret"]["value"] == '""'
