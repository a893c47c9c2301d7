"""Settings of the server and preferences of users, through HTTP."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from conftest import DATABASES, Databases
from support.running import Server
from talkd.areas.settings import service, store
from talkd.config import Config
from talkd.conversation.setting_values import CORE_SETTINGS, MASK, SETTINGS

USERS = "/ocs/v2.php/cloud/users"
OWN = "/ocs/v2.php/apps/spreed/api/v1/settings/user"
CONFIG = "/ocs/v2.php/apps/provisioning_api/api/v1/config"
CAPABILITIES = "/ocs/v2.php/cloud/capabilities"
PASSWORD = "a long enough password"

_numbers = count(1)


@pytest.fixture
def client(server: Any) -> Any:
    """A client of a new user."""
    user_id = f"chooser{next(_numbers)}"
    answer = server.admin.post(USERS, json={"userid": user_id, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return server.client(user_id, PASSWORD)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("read_status_privacy", 1),
        ("read_status_privacy", "0"),
        ("typing_privacy", 1),
        ("play_sounds", "no"),
        ("calls_start_without_media", "yes"),
        ("attachment_folder", "/Talk"),
        ("blur_virtual_background", "no"),
        ("conversations_list_style", "compact"),
    ],
)
def test_users_set_and_reset_preferences(client: Any, key: str, value: str | int) -> None:
    answer = client.post(OWN, json={"key": key, "value": value})
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, None)
    answer = client.post(f"{CONFIG}/users/spreed/{key}", json={"configValue": value})
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, [])
    assert client.delete(f"{CONFIG}/users/spreed/{key}").status_code == 200


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("read_status_privacy", 7),
        ("typing_privacy", "x"),
        ("typing_privacy", None),
        ("nosuchkey", 1),
        ("calls_start_without_media", "maybe"),
        ("attachment_folder", "x" * 513),
        ("conversations_list_style", ""),
    ],
)
def test_invalid_preferences_are_refused(client: Any, key: str, value: Any) -> None:
    answer = client.post(OWN, json={"key": key, "value": value})
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (400, None)
    assert client.post(f"{CONFIG}/users/spreed/{key}", json={"configValue": value}).status_code == 400


def test_preferences_of_other_apps_are_refused(client: Any) -> None:
    assert client.post(f"{CONFIG}/users/files/play_sounds", json={"configValue": "yes"}).status_code == 400
    assert client.delete(f"{CONFIG}/users/files/play_sounds").status_code == 400
    assert client.delete(f"{CONFIG}/users/spreed/nosuchkey").status_code == 400


def test_privacy_shows_in_the_capabilities(client: Any) -> None:
    def privacy() -> tuple[int, int]:
        chat = client.get(CAPABILITIES).json()["ocs"]["data"]["capabilities"]["spreed"]["config"]["chat"]
        return chat["read-privacy"], chat["typing-privacy"]

    assert privacy() == (0, 0)
    client.post(OWN, json={"key": "read_status_privacy", "value": 1})
    client.post(OWN, json={"key": "typing_privacy", "value": 1})
    assert privacy() == (1, 1)
    client.delete(f"{CONFIG}/users/spreed/typing_privacy")
    assert privacy() == (1, 0)


def test_preferences_for_calls_and_the_room_list_show_in_the_capabilities(client: Any, server: Any) -> None:
    def chosen() -> tuple[bool, bool, str]:
        config = client.get(CAPABILITIES).json()["ocs"]["data"]["capabilities"]["spreed"]["config"]
        call, conversations = config["call"], config["conversations"]
        return call["start-without-media"], call["blur-virtual-background"], conversations["list-style"]

    defaults = (False, False, "two-lines")
    choices = {
        "calls_start_without_media": "yes",
        "blur_virtual_background": "yes",
        "conversations_list_style": "compact",
    }
    assert chosen() == defaults
    for key, value in choices.items():
        client.post(f"{CONFIG}/users/spreed/{key}", json={"configValue": value})
    assert chosen() == (True, True, "compact")
    assert (
        server.admin.get(CAPABILITIES).json()["ocs"]["data"]["capabilities"]["spreed"]["config"]["conversations"][
            "list-style"
        ]
        == "two-lines"
    ), "other users keep their preferences"
    client.post(OWN, json={"key": "calls_start_without_media", "value": "no"})
    assert chosen() == (False, True, "compact")
    for key in choices:
        client.delete(f"{CONFIG}/users/spreed/{key}")
    assert chosen() == defaults


def test_administrators_set_settings(server: Any) -> None:
    path = f"{CONFIG}/apps/spreed/sip_bridge_groups"

    def current(**params: str) -> str:
        value: str = server.admin.get(path, params=params).json()["ocs"]["data"]["data"]
        return value

    assert current() == ""
    assert current(defaultValue="fallback") == "fallback"
    assert server.admin.post(path, json={"value": '["crew"]'}).json()["ocs"]["data"] == []
    assert current(defaultValue="fallback") == '["crew"]'
    assert server.admin.post(path, data={"value": '["team"]'}).status_code == 200
    assert current() == '["team"]'
    keys = server.admin.get(f"{CONFIG}/apps/spreed").json()["ocs"]["data"]["data"]
    assert path.rpartition("/")[2] in keys
    assert server.admin.delete(path).status_code == 200
    assert current() == ""
    assert server.admin.get(f"{CONFIG}/apps").json()["ocs"]["data"] == {"data": ["core", "spreed"]}


DEEP = "[" * 5000 + "]" * 5000
TURN = '[{"schemes":"turn,turns","server":"turn.example.org:3478","secret":"s3cret","protocols":"udp,tcp"}]'

SIGNALING = '{"servers":[{"server":"https://signaling.example.org","verify":true}],"secret":"s3cret"}'


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("stun_servers", ["[]", '["stun.example.org:3478","[2001:db8::1]:443"]', ""]),
        ("turn_servers", ["[]", TURN, '[{"server":"10.0.0.1:3478"}]', ""]),
        ("signaling_servers", ["[]", "", '{"servers":[],"secret":""}']),
        ("signaling_servers", [SIGNALING, SIGNALING.replace("https", "wss")]),
        ("signaling_mode", ["internal", "external", "conversation_cluster"]),
        ("hide_signaling_warning", ["yes", "no"]),
        ("max_call_duration", ["0", "3600", ""]),
        ("default_permissions", ["0", "246", "254", ""]),
        ("start_calls", ["0", "3"]),
    ],
)
def test_valid_values_of_settings_are_accepted(server: Any, key: str, values: list[str]) -> None:
    for value in values:
        assert server.admin.post(f"{CONFIG}/apps/spreed/{key}", json={"value": value}).status_code == 200, value
    assert server.admin.delete(f"{CONFIG}/apps/spreed/{key}").status_code == 200


@pytest.mark.parametrize(
    ("app", "key", "value", "sentence"),
    [
        ("spreed", "stun_servers", "stun.example.org:3478", "it is a list of hosts with ports like"),
        ("spreed", "stun_servers", '["stun.example.org"]', "it is a list of hosts with ports like"),
        ("spreed", "stun_servers", '["stun:stun.example.org:3478/x"]', "it is a list of hosts with ports like"),
        ("spreed", "turn_servers", '["turn.example.org"]', "it is a list like"),
        ("spreed", "turn_servers", TURN.replace("turns", "http"), "it is a list like"),
        ("spreed", "turn_servers", f'[{{"x": {DEEP}}}]', "it is a list like"),
        ("spreed", "recording_servers", f'{{"x": {DEEP}}}', "it is an object like"),
        ("spreed", "signaling_servers", f'{{"x": {DEEP}}}', "it is an object like"),
        ("spreed", "turn_servers", TURN.replace("tcp", "sctp"), "it is a list like"),
        ("spreed", "signaling_servers", '{"servers":[{"server":"https://x"}],"secret":""}', "it is an object like"),
        ("spreed", "signaling_servers", SIGNALING.replace("https", "ftp"), "it is an object like"),
        ("spreed", "signaling_servers", SIGNALING.replace("org", "org/?x"), "it is an object like"),
        ("spreed", "signaling_servers", "https://hpb.example.org", "it is an object like"),
        ("spreed", "signaling_mode", "mesh", "it is one of conversation_cluster, external, internal"),
        ("spreed", "max_call_duration", "-1", "it is a number of seconds"),
        ("spreed", "max_call_duration", "1h", "it is a number of seconds"),
        ("spreed", "default_permissions", "256", "it is a sum of permissions"),
        ("spreed", "start_calls", "4", "it is one of 0, 1, 2, 3"),
        ("spreed", "grid_videos_limit", "19", "talkd has no setting grid_videos_limit; it has start_calls, "),
        ("spreed", "public_url", "talk.example.org", "talkd has no setting public_url; it has "),
        ("spreed", "x" * 5000, "1", f"talkd has no setting {'x' * 64}; it has "),
        ("core", "shareapi_allow_resharing", "yes", "talkd has no setting shareapi_allow_resharing; it has shareapi_"),
        ("spreed", "allowed_groups", r'["a\u0000b"]', "it is a list of groups"),
        ("spreed", "start_conversations", r'["a\ud800b"]', "it is a list of groups"),
        ("spreed", "stun_servers", r'["stun\u0000:3478"]', "wrong value of stun_servers"),
    ],
)
def test_settings_that_talkd_does_not_have_are_refused_with_a_sentence(
    server: Any, app: str, key: str, value: str, sentence: str
) -> None:
    answer = server.admin.post(f"{CONFIG}/apps/{app}/{key}", json={"value": value})
    assert answer.status_code == 400
    assert sentence in answer.json()["ocs"]["data"]["data"]["message"]
    assert key not in server.admin.get(f"{CONFIG}/apps/{app}").json()["ocs"]["data"]["data"]


def test_only_known_apps_have_settings(server: Any) -> None:
    path = f"{CONFIG}/apps/files/key"
    for answer in (server.admin.get(path), server.admin.post(path, json={"value": "x"}), server.admin.delete(path)):
        assert answer.status_code == 403
        assert answer.json()["ocs"]["data"]["data"]["message"]


def test_users_can_neither_read_nor_set_settings(client: Any) -> None:
    for path in (f"{CONFIG}/apps", f"{CONFIG}/apps/spreed", f"{CONFIG}/apps/spreed/start_calls"):
        answer = client.get(path)
        assert answer.status_code == 403
        assert answer.json()["ocs"]["meta"]["message"] == "Logged in account must be an admin"
    assert client.post(f"{CONFIG}/apps/spreed/start_calls", json={"value": "3"}).status_code == 403


def test_users_outside_the_allowed_groups_cannot_use_talk(server: Any) -> None:
    group = f"allowed{next(_numbers)}"
    assert server.admin.post("/ocs/v2.php/cloud/groups", json={"groupid": group}).status_code == 200
    clients = []
    for groups in ([group], []):
        user_id = f"chooser{next(_numbers)}"
        account = {"userid": user_id, "password": PASSWORD, "groups": groups}
        assert server.admin.post(USERS, json=account).status_code == 200
        clients.append(server.client(user_id, PASSWORD))
    rooms = "/ocs/v2.php/apps/spreed/api/v4/room"
    setting = f"{CONFIG}/apps/spreed/allowed_groups"
    assert [client.get(rooms).status_code for client in clients] == [200, 200]
    assert server.admin.post(setting, json={"value": f'["{group}"]'}).status_code == 200
    try:
        assert [client.get(rooms).status_code for client in clients] == [200, 403]
        assert clients[1].get("/ocs/v2.php/cloud/user").status_code == 200
    finally:
        assert server.admin.delete(setting).status_code == 200
    assert [client.get(rooms).status_code for client in clients] == [200, 200]


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("turn_servers", TURN, TURN.replace("s3cret", "[hidden]")),
        ("turn_servers", TURN.replace("s3cret", ""), TURN.replace("s3cret", "")),
        ("recording_servers", '{"secret":"s3cret","servers":[]}', '{"secret":"[hidden]","servers":[]}'),
        ("sip_bridge_shared_secret", "s3cret", "[hidden]"),
        ("sip_bridge_dialin_info", "+49 30 1234", "+49 30 1234"),
    ],
)
def test_secrets_are_set_and_never_shown(server: Any, key: str, value: str, shown: str) -> None:
    path = f"{CONFIG}/apps/spreed/{key}"
    try:
        assert server.admin.post(path, json={"value": value}).status_code == 200
        assert server.admin.get(path).json()["ocs"]["data"] == {"data": shown}
        server.admin.post(path, json={"value": shown})
        assert server.read(service.get_all)[key] == value, "a secret that is not shown was lost"
    finally:
        server.admin.delete(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sip_bridge_shared_secret", MASK),
        ("turn_servers", TURN.replace("s3cret", MASK)),
        ("signaling_servers", f'{{"servers": [{{"server": "https://one.test"}}], "secret": "{MASK}"}}'),
    ],
)
def test_a_masked_secret_is_refused_where_none_is_stored(server: Any, key: str, value: str) -> None:
    refused = server.admin.post(f"{CONFIG}/apps/spreed/{key}", json={"value": value})
    assert refused.status_code == 400
    assert "stands for a secret" in refused.json()["ocs"]["data"]["data"]["message"]


def test_servers_keep_their_secrets_when_the_list_changes(server: Any) -> None:
    path = f"{CONFIG}/apps/spreed/turn_servers"

    def turn(name: str, secret: str) -> dict[str, str]:
        return {"server": f"{name}.test:3478", "secret": secret, "schemes": "turn", "protocols": "udp"}

    try:
        server.admin.post(path, json={"value": json.dumps([turn("one", "first"), turn("two", "second")])})
        changed = [turn("two", MASK), turn("three", "third"), turn("one", MASK)]
        assert server.admin.post(path, json={"value": json.dumps(changed)}).status_code == 200
        kept = json.loads(server.read(service.get_all)["turn_servers"])
        assert [each["secret"] for each in kept] == ["second", "third", "first"]
        assert server.admin.post(path, json={"value": json.dumps([turn("four", MASK)])}).status_code == 400
    finally:
        server.admin.delete(path)


@pytest.mark.parametrize(
    ("key", "value", "entry", "part"),
    [
        ("stun_servers", '["one.test:3478", "two.test"]', 1, ""),
        ("turn_servers", TURN.replace("udp", "ftp"), 0, "protocols"),
        ("signaling_servers", '{"servers": [{"server": "https://one.test"}]}', None, "secret"),
        ("recording_servers", '{"servers": [{"server": "one.test"}]}', 0, "server"),
    ],
)
def test_refusals_name_the_part_of_a_list_that_is_wrong(
    server: Any, key: str, value: str, entry: int | None, part: str
) -> None:
    refused = server.admin.post(f"{CONFIG}/apps/spreed/{key}", json={"value": value})
    assert refused.status_code == 400
    found = refused.json()["ocs"]["data"]["data"]
    assert (found["entry"], found["part"]) == (entry, part)
    assert found["reason"]


def test_lists_of_servers_say_what_they_consist_of(server: Any) -> None:
    listed = server.admin.get("/ocs/v2.php/apps/talkd/api/v1/settings").json()["ocs"]["data"]
    layouts = {each["key"]: each["layout"] for each in listed if each["layout"]}
    assert {key: (each["field"], [part["name"] for part in each["parts"]]) for key, each in layouts.items()} == {
        "stun_servers": ("", [""]),
        "turn_servers": ("", ["server", "secret", "schemes", "protocols"]),
        "signaling_servers": ("servers", ["server", "verify"]),
        "recording_servers": ("servers", ["server", "verify"]),
    }
    [shared] = layouts["signaling_servers"]["common"]
    assert (shared["name"], shared["kind"]) == ("secret", "secret")
    schemes = layouts["turn_servers"]["parts"][2]
    assert (schemes["kind"], schemes["choices"], schemes["default"]) == ("some", ["turn", "turns"], "turn")


@pytest.mark.parametrize(
    ("value", "shown"),
    [('{"secret":{"deep":"s3cret"}}', '{"secret":"[hidden]"}'), ("s3cret", "[hidden]"), ('["s3cret"]', '["[hidden]"]')],
)
def test_secrets_in_values_of_an_older_talkd_are_not_shown(server: Any, value: str, shown: str) -> None:
    path = f"{CONFIG}/apps/spreed/recording_servers"
    assert server.admin.post(path, json={"value": value}).status_code == 400, "talkd no longer accepts it"
    server.write(lambda tx: store.set_value(tx, "spreed", "recording_servers", value))
    try:
        assert server.admin.get(path).json()["ocs"]["data"] == {"data": shown}
    finally:
        server.admin.delete(path)


@pytest.mark.parametrize("kind", DATABASES)
def test_a_setting_that_is_set_during_a_reload_is_kept(
    databases: Databases, new_server: Callable[[Config], Server], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server(databases.config(kind))
    server.run(server.app.stop_jobs())  # otherwise the server may reload its settings at the same time
    app = server.app
    read = app.world.db.read
    reads = []

    async def read_and_set(work: Any) -> Any:
        found = await read(work)
        if work is service.get_all:
            reads.append(found)
            if len(reads) == 1:
                await app.world.db.write(lambda tx: service.set_value(tx, "start_calls", "3"))
        return found

    monkeypatch.setattr(app.world.db, "read", read_and_set)
    app.world.epoch = "older"  # as if the command of another process had changed it
    server.run_job("follow_other_processes")
    assert reads == [{}, {"start_calls": "3"}]
    assert app.world.talk_settings.number("start_calls") == 3


def test_administrators_see_all_settings_with_their_forms_and_no_secrets(server: Server, client: Any) -> None:
    address = "/ocs/v2.php/apps/talkd/api/v1/settings"
    server.admin_request("POST", f"{CONFIG}/apps/spreed/sip_bridge_shared_secret", value="a secret of the bridge")
    try:
        listed = {each["key"]: each for each in server.admin.get(address).json()["ocs"]["data"]}
    finally:
        server.admin_request("DELETE", f"{CONFIG}/apps/spreed/sip_bridge_shared_secret")
    assert set(listed) == {*SETTINGS, *CORE_SETTINGS}
    assert listed["sip_bridge_shared_secret"]["value"] == MASK
    assert (listed["start_calls"]["form"], listed["start_calls"]["choices"]) == ("choice", ["0", "1", "2", "3"])
    assert (listed["max_call_duration"]["form"], listed["max_call_duration"]["value"]) == ("seconds", None)
    assert (listed["max_call_duration"]["default"], listed["breakout_rooms"]["default"]) == ("0", "yes")
    assert listed["shareapi_only_share_with_group_members"]["app"] == "core"
    assert client.get(address).status_code == 403
