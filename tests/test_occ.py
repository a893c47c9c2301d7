"""`talkd occ`: names, options, output and exit codes that administrators' scripts rely on."""

import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import Databases
from support.waiting import begin_waiting
from talkd.cli.database import read
from talkd.cli.root import app
from talkd.config import load
from talkd.conversation import attendee_store, room_store
from talkd.core.actor import USERS
from talkd.core.constants import ParticipantType
from talkd.storage.database import Tx

Occ = Callable[..., str]

PASSWORD = "correct horse battery"


@pytest.fixture
def occ(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Occ:
    """Return a function that runs a command with a data folder of this test and returns the output."""
    for name in list(os.environ):
        if name.startswith("TALKD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TALKD_DATA", databases.config("sqlite").data)
    monkeypatch.setenv("OC_PASS", PASSWORD)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(app, ("occ", *words))
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    return command


@pytest.fixture
def people(occ: Occ) -> Occ:
    """As `occ`, with the accounts alice, bob, and carol in the group staff."""
    for name in ("alice", "bob"):
        occ("user:add", name, "--password-from-env")
    occ("user:add", "carol", "--password-from-env", "-g", "staff")
    return occ


def test_accounts(occ: Occ) -> None:
    printed = occ("user:add", "alice", "--password-from-env", "--display-name", "Alice A.", "-g", "staff")
    assert printed.splitlines() == [
        'The account "alice" was created successfully',
        'Display name set to "Alice A."',
        'Created group "staff"',
        'Account "alice" added to group "staff"',
    ]
    assert "already exists" in occ("user:add", "alice", "--password-from-env", status=1)
    assert occ("user:list") == "  - alice: Alice A.\n"
    assert json.loads(occ("user:list", "--output=json")) == {"alice": "Alice A."}
    info = json.loads(occ("user:info", "alice", "--output", "json_pretty"))
    assert (info["user_id"], info["enabled"], info["groups"]) == ("alice", True, ["staff"])
    assert occ("user:disable", "alice") == "The specified account is disabled\n"
    assert json.loads(occ("user:list", "--disabled", "--output=json")) == {"alice": "Alice A."}
    occ("user:enable", "alice")
    assert occ("user:resetpassword", "alice", "--password-from-env") == "Successfully reset password for alice\n"
    assert occ("user:delete", "alice") == "The specified account was deleted\n"
    assert occ("user:info", "alice", status=1) == "user not found\n"
    for command in ("user:disable", "user:enable", "user:delete"):
        assert "does not exist" in occ(command, "alice", status=1)


def test_every_command_takes_the_common_options(occ: Occ) -> None:
    assert occ("user:add", "alice", "--generate-password", "--no-interaction", "-q", "--no-ansi", "-vv") == ""
    assert occ("user:list", "-n") == "  - alice: alice\n"
    assert occ("--no-warnings", "-n", "--output=json", "user:list") == '{"alice":"alice"}\n'
    assert occ("--output", "json", "user:list", "--limit=1") == '{"alice":"alice"}\n'
    assert "No such option" in occ("--nonsense", "user:list", status=2)
    assert "talk:room:create" in occ("--help")


def test_user_commands_read_passwords_from_the_environment(occ: Occ, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OC_PASS", "short")
    assert "at least" in occ("user:add", "alice", "--password-from-env", status=1)
    monkeypatch.delenv("OC_PASS")
    assert "OC_PASS is empty" in occ("user:add", "alice", "--password-from-env", status=1)
    assert "--password-from-env" in occ("user:add", "alice", status=1)


def test_settings_of_an_account(people: Occ) -> None:
    people("user:setting", "alice", "settings", "email", "alice@example.org")
    assert people("user:setting", "alice", "settings", "email") == "alice@example.org\n"
    people("user:setting", "alice", "spreed", "read_status_privacy", "1")
    assert (
        json.loads(people("user:setting", "alice", "spreed", "--output=json"))["spreed"]["read_status_privacy"] == "1"
    )
    people("user:setting", "alice", "settings", "email", "--delete")
    people("user:setting", "alice", "settings", "email", status=1)
    people("user:setting", "alice", "settings", "email", "--delete", "--error-if-not-exists", status=1)
    assert people("user:setting", "alice", "core", "lang", "--default-value", "en") == "en\n"
    for key, value in (("lang", "de"), ("locale", "de_DE"), ("timezone", "Europe/Berlin")):
        people("user:setting", "alice", "core", key, value)
        people("user:setting", "alice", "core", key, "--delete")
    assert "core" not in people("user:setting", "alice")
    name = ("user:setting", "alice", "settings", "display_name")
    assert people(*name, "--delete", status=1) == "Display name can't be deleted.\n"
    assert people(*name, "\u200b", status=1) == "New display name can't be empty\n"
    assert people("user:setting", "nobody", status=1) == 'The user "nobody" does not exist.\n'
    assert "no setting" in people("user:setting", "alice", "files", "color", "red", status=1)


def test_a_quota_is_a_setting_of_an_account(people: Occ) -> None:
    setting = ("user:setting", "alice", "files", "quota")
    people(*setting, status=1)
    people(*setting, "1.5 GB")
    assert people(*setting) == "1610612736\n"
    assert people(*setting, "much", status=1) == "Invalid quota value: much\n"
    people(*setting, "none")
    assert json.loads(people("user:setting", "alice", "--output=json"))["files"] == {"quota": "none"}
    people(*setting, "--delete")
    people(*setting, status=1)


def test_groups(people: Occ) -> None:
    assert people("group:add", "crew", "--display-name", "The crew") == 'Created group "crew"\n'
    assert "already exists" in people("group:add", "crew", status=1)
    people("group:adduser", "crew", "bob")
    assert json.loads(people("group:list", "--output=json")) == {"crew": ["bob"], "staff": ["carol"]}
    assert json.loads(people("group:info", "crew", "--output=json"))["displayName"] == "The crew"
    people("group:removeuser", "crew", "bob")
    assert "user not found" in people("group:adduser", "crew", "nobody", status=1)
    assert "group not found" in people("group:adduser", "nothing", "bob", status=1)
    assert people("group:delete", "crew") == 'Group "crew" was removed\n'
    assert "does not exist" in people("group:delete", "crew", status=1)


def test_config(occ: Occ) -> None:
    assert occ("config:app:get", "spreed", "start_calls", status=1) == ""
    assert occ("config:app:get", "spreed", "start_calls", "--default-value=0") == "0\n"
    occ("config:app:set", "spreed", "start_calls", "--value", "1", "--update-only", status=1)
    printed = occ("config:app:set", "spreed", "start_calls", "--value=2", "--type=integer")
    assert printed == "Config value 'start_calls' for app 'spreed' is now set to '2'\n"
    assert occ("config:app:get", "spreed", "start_calls") == "2\n"
    assert occ("config:app:get", "spreed", "start_calls", "--output=json") == '"2"\n'
    printed = occ("config:app:set", "spreed", "sip_bridge_shared_secret", "--value=s3cret")
    assert "[hidden]" in printed + occ("config:app:get", "spreed", "sip_bridge_shared_secret")
    assert "s3cret" not in printed + occ("config:app:get", "spreed", "sip_bridge_shared_secret")
    occ("config:app:delete", "spreed", "sip_bridge_shared_secret")
    occ("config:app:delete", "spreed", "start_calls")
    occ("config:app:delete", "spreed", "start_calls", "--error-if-not-exists", status=1)
    assert "has no settings of the app files" in occ("config:app:set", "files", "x", "--value=1", status=1)


def create(occ: Occ, *words: str) -> str:
    """Create a room and return its token."""
    token: str = json.loads(occ("talk:room:create", "Team", "--output=json", *words))["token"]
    return token


def counts(occ: Occ, token: str) -> list[str]:
    """Return the numbers of attendees, sessions, and sessions in the call of a room."""
    return occ("talk:monitor:room", token, "--output=csv").strip().split(",")


def role_of(token: str, user_id: str) -> int:
    """Return the participant type of a member."""

    async def work(tx: Tx) -> int:
        room = await room_store.get_room(tx, token)
        assert room is not None
        attendee = await attendee_store.find_attendee(tx, room.id, USERS, user_id)
        assert attendee is not None
        return attendee.type

    return read(load(), work)


def test_rooms(people: Occ) -> None:
    token = create(
        people, "--owner=alice", "--user=bob", "--group=staff", "--moderator=bob", "--public", "--password=x"
    )
    assert counts(people, token) == ["4", "0", "0"]
    assert people("talk:room:demote", token, "bob") == "Participants successfully demoted to regular users.\n"
    assert people("talk:room:promote", token, "bob", "carol").startswith("Participants successfully promoted")
    people("talk:room:demote", token, "alice", "bob")
    assert role_of(token, "alice") == ParticipantType.OWNER
    assert role_of(token, "bob") == ParticipantType.USER
    assert people("talk:room:remove", token, "bob", "carol", "bob").startswith("Users successfully removed")
    assert counts(people, token) == ["2", "0", "0"]
    assert people("talk:room:add", token, "--user=bob").startswith("Users successfully added")
    assert "not found" in people("talk:room:add", token, "--user=carol", "--user=nobody", status=1)
    assert counts(people, token) == ["3", "0", "0"]
    updated = people(
        "talk:room:update",
        token,
        "--name=New",
        "--description=",
        "--public=0",
        "--readonly=1",
        "--listable=2",
        "--owner=bob",
        "--message-expiration=3600",
    )
    assert updated == "Room successfully updated.\n"
    assert role_of(token, "alice") == ParticipantType.USER
    assert role_of(token, "bob") == ParticipantType.OWNER
    for wrong in ("--public=yes", "--readonly=2", "--listable=3", "--message-expiration=-1", "--name="):
        people("talk:room:update", token, wrong, status=1)
    assert people("talk:room:delete", token) == "Room successfully deleted.\n"
    assert people("talk:room:delete", token, status=1) == "Room not found.\n"
    assert people("talk:monitor:room", token, status=1) == f"Room with token {token} not found\n"


def test_wrong_values_for_a_room_are_refused(people: Occ) -> None:
    people("talk:room:create", "", status=1)
    for scope in ("3", "all", "-1"):
        refused = people("talk:room:create", "Team", f"--listable={scope}", status=1)
        assert refused == 'Invalid value for option "--listable" given.\n'
    for seconds in ("-1", "soon"):
        refused = people("talk:room:create", "Team", f"--message-expiration={seconds}", status=1)
        assert refused == "Unable to change message expiration.\n"
    people("talk:room:create", "Team", "--owner=nobody", status=1)
    assert people("talk:room:create", "", status=1) == "Invalid room name.\n"
    assert people("talk:room:create", "Team", f"--description={'x' * 2001}", status=1) == "Invalid room description.\n"
    private = "Unable to add password protection to private room.\n"
    assert people("talk:room:create", "Team", "--password=x", status=1) == private
    token = create(people)
    assert people("talk:room:update", token, "--name=\u200b", status=1) == "Invalid room name.\n"
    long = people("talk:room:update", token, f"--description={'x' * 2001}", status=1)
    assert long == "Invalid room description.\n"
    assert people("talk:room:update", token, "--password=x", status=1) == private
    people("talk:room:update", token, "--password=")
    people("talk:room:update", token, "--public=1", "--password=x")


def test_creating_a_room_prints_its_token(people: Occ) -> None:
    first, second = people("talk:room:create", "Team", "--owner=alice").splitlines()
    assert second == "Room successfully created."
    assert re.fullmatch("Room token: [a-z0-9]+", first)
    assert counts(people, first.split(": ")[1]) == ["1", "0", "0"]


def test_status(occ: Occ) -> None:
    lines = occ("status").splitlines()
    assert lines[0] == "  - installed: true"
    assert json.loads(occ("status", "--output=json"))["maintenance"] is False


def test_lastseen_shows_last_logins(people: Occ) -> None:
    assert people("user:lastseen", "alice") == "alice has never logged in.\n"
    assert len(people("user:lastseen", "--all").splitlines()) == 3
    people("user:lastseen", "nobody", status=1)
    people("user:lastseen", status=1)
    info = json.loads(people("user:info", "alice", "--output=json"))
    assert (info["last_seen"], info["first_seen"], info["backend"]) == ("never", "never", "Database")


def test_rooms_of_an_account(people: Occ) -> None:
    owned, other = create(people, "--owner=alice"), create(people, "--owner=bob", "--user=alice", "--public")
    assert "in 1 rooms" in people("talk:user:transfer-ownership", "alice", "carol", "--remove-source-user")
    assert role_of(owned, "carol") == ParticipantType.OWNER
    assert "in 1 rooms" in people("talk:user:transfer-ownership", "alice", "carol", "--include-non-moderator")
    assert counts(people, other)[0] == "3"
    people("talk:user:transfer-ownership", "alice", "alice", status=1)
    people("talk:user:transfer-ownership", "nobody", "carol", status=1)
    again = people("talk:user:transfer-ownership", "alice", "CAROL", "--include-non-moderator")
    assert again == "Added or promoted user carol in 0 rooms.\n"
    unknown = people("talk:user:transfer-ownership", "alice", "nobody", status=1)
    assert unknown == "Destination user could not be found.\n"
    people("talk:user:remove", "--user=carol", "--private-only")
    assert "not found" in people("talk:monitor:room", owned, status=1)  # it had no other member
    assert counts(people, other)[0] == "3"
    people("talk:user:remove", "--user=carol", "--user=alice")
    assert counts(people, other)[0] == "1"
    people("talk:user:remove", "--user=nobody", status=1)


def test_call_commands_without_calls(occ: Occ) -> None:
    assert occ("talk:active-calls") == occ("talk:monitor:calls") == "No calls in progress\n"
    assert json.loads(occ("talk:active-calls", "--output=json")) == {"calls": 0, "participants": 0}
    assert occ("talk:monitor:calls", "--output=json") == occ("group:list", "--output=json") == "[]\n"
    assert occ("talk:monitor:room", "nowhere", "--output=json", status=1) == ""
    assert occ("talk:monitor:room", "nowhere", "--output=csv", status=1) == ""


def test_commands_show_and_change_rooms_of_a_running_server(server: Any) -> None:
    where = ["--database", server.config.database.url] if server.config.database.url else ["--data", server.config.data]

    def run(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(app, ["occ", *words, *where])
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    alice.join(token)
    alice.post(f"v4/call/{token}", flags=1)
    counted = r"There are currently \d+ calls in progress with \d+ participants\n"
    assert re.fullmatch(counted, run("talk:active-calls", status=1))
    listed = run("talk:monitor:calls")
    assert re.match(counted, listed)
    assert f'  - "{token}": 1\n' in listed
    expected = "The conversation has 2 attendees with 1 sessions of which 1 are in the call.\n"
    assert run("talk:monitor:room", token) == run("talk:monitor:room", token, "--separator=;") == expected
    assert json.loads(run("talk:monitor:room", token, "--output=json")) == {"attendees": 2, "sessions": 1, "call": 1}
    assert run("talk:monitor:room", token, "--output=csv") == "2,1,1\n"
    assert run("talk:monitor:room", token, "--output=csv", "--separator=;") == "2;1;1\n"
    pair = alice.post("v4/room", roomType=1, invite=bob.id)["token"]
    assert run("talk:monitor:room", pair).startswith("The conversation has 1 attendees with 0 sessions")
    assert json.loads(run("talk:monitor:calls", "--output=json"))[token] == 1  # other tests may have active calls
    newest = alice.history(token)[0]["id"]
    with ThreadPoolExecutor() as threads:
        polling = begin_waiting(
            server, threads, bob.status, "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=newest
        )
        run("talk:room:remove", token, bob.id)
        assert polling.result(10) == 404
    reported = alice.history(token)[0]
    assert reported["message"] == "An administrator removed {user}"
    assert alice.get(f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=newest)[-1]["id"] == reported["id"]
    run("talk:room:delete", token)
    assert alice.status("GET", f"v4/room/{token}") == 404


def test_phone_numbers(people: Occ) -> None:
    add, find = "talk:phone-number:add", "talk:phone-number:find"
    assert people(add, "abc", "alice", status=1) == "Not a valid phone number abc. The format is invalid.\n"
    assert people(add, "+49-160-123-12-12", "nobody", status=1) == 'Invalid user "nobody" provided\n'
    assert people(add, "+49-160-123-12-12", "alice") == "Phone number 491601231212 is now assigned to alice\n"
    for number in ("491601231212", "+491601231212", "0049 160 1231212"):
        assert people(find, f"--phone={number}") == "Phone number 491601231212 is assigned to alice\n"
    unknown = people(find, "--phone", "49160123121234", status=1)
    assert unknown == "Phone number 49160123121234 could not be found\n"
    assert people(find, "--phone=bob", status=1) == "Phone number bob could not be found\n"
    assert people("talk:phone-number:remove", "bob") == ""
    for option in ("--user", "--account"):
        assert people(find, f"{option}=alice") == "alice has phone number 491601231212 assigned\n"
    assert people(find, "--user=bob", status=1) == "No phone number found for bob\n"
    assert people(find, status=1) == "Neither phone number nor user provided\n"
    taken = people(add, "+49-160-123-1212", "bob", status=1)
    assert taken == "Phone number is already assigned to alice\n"
    assert people(add, "--force", "+49-160-123-12-12", "bob").splitlines() == [
        "Phone number 491601231212 is now assigned to bob",
        "Was assigned to alice before",
    ]
    assert people(add, "23", "bob") == "Phone number 23 is now assigned to bob\n"
    assert people(find, "--user=bob").splitlines() == [
        "bob has the following phone numbers assigned:",
        " - 23",
        " - 491601231212",
    ]
    assert people("talk:phone-number:remove", "491601231212") == ""
    assert people(find, "--user=bob") == "bob has phone number 23 assigned\n"
    for command in ("remove-user", "remove-account"):
        assert people(f"talk:phone-number:{command}", "bob") == ""
        people(find, "--user=bob", status=1)
        people(add, "3001", "bob")
    people("user:delete", "bob")
    people(find, "--phone=3001", status=1)


@pytest.mark.parametrize("number", ["03001", "071112348", "+49", "0", "", "+1234567890123456", "12a", "++4930123456"])
def test_bad_phone_numbers_are_refused(people: Occ, number: str) -> None:
    printed = people("talk:phone-number:add", "--", number, "alice", status=1)
    assert printed == f"Not a valid phone number {number}. The format is invalid.\n"


def test_importing_phone_numbers(people: Occ, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text('"+4930123456","alice"\n"+49 30 123457","bob"\n')
    assert people("talk:phone-number:import", str(file)).splitlines() == [
        "Phone number 4930123456 is now assigned to alice",
        "Phone number 4930123457 is now assigned to bob",
    ]
    file.write_text("4930123458;alice\r\n4930123457;alice\r\n", encoding="utf-16")
    printed = people("talk:phone-number:import", str(file), status=1)
    assert printed == "Line 2: Phone number is already assigned to bob\n"
    people("talk:phone-number:find", "--phone=4930123458", status=1)
    people("talk:phone-number:import", str(file), "--reset")
    assert "4930123457" in people("talk:phone-number:find", "--user=alice")
    file.write_text('"+4930123458"\n')
    assert people("talk:phone-number:import", str(file), status=1).startswith("Line 1: ")
    file.write_text('"1","alice\n')
    unreadable = people("talk:phone-number:import", str(file), status=1)
    assert unreadable == "Line 1: a quotation mark is not closed\n"
    absent = people("talk:phone-number:import", "/absent", status=1)
    assert absent == "Cannot read /absent: No such file or directory\n"


def test_phone_numbers_are_imported_from_standard_input(people: Occ) -> None:
    del people
    result = CliRunner().invoke(app, ("occ", "talk:phone-number:import"), input='"23","alice"\n')
    assert (result.exit_code, result.stdout) == (0, "Phone number 23 is now assigned to alice\n")


def test_refusals_are_printed_to_standard_output(occ: Occ) -> None:
    del occ
    result = CliRunner().invoke(app, ("occ", "talk:room:delete", "nothing4"))
    assert (result.exit_code, result.stdout, result.stderr) == (1, "Room not found.\n", "")


def test_signaling_servers(occ: Occ) -> None:
    assert (
        occ("talk:signaling:add", "--verify", "https://one.test", "s3cret")
        == "Added signaling server https://one.test.\n"
    )
    occ("talk:signaling:add", "wss://two.test", "s3cret")
    assert json.loads(occ("talk:signaling:list", "--output=json")) == {
        "secret": "[hidden]",
        "servers": [{"server": "https://one.test", "verify": True}, {"server": "wss://two.test", "verify": False}],
    }
    assert occ("talk:signaling:delete", "https://one.test") == "Deleted https://one.test.\n"
    assert occ("talk:signaling:delete", "https://one.test") == "There is nothing to delete.\n"
    assert "two.test" in occ("talk:signaling:list")
    occ("talk:signaling:add", "two.test", "s3cret", status=1)
