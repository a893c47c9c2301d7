"""Sending, reading and waiting for messages."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from support.people import PUBLIC, TALK, Person
from support.running import Server
from support.waiting import answer_after, begin_waiting
from talkd.core.constants import NEVER_READ
from talkd.storage.schema import rooms
from talkd.storage.statements import Statement, bind

_SET_LOBBY = Statement(sa.update(rooms).values(lobby_state=bind("state")).where(rooms.c.token == bind("token")))


def wait(person: Person, token: str, after: int, **params: Any) -> Any:
    """Wait for messages after one."""
    return person.request(
        "GET", f"v1/chat/{token}", **{"lookIntoFuture": 1, "lastKnownMessageId": after, "timeout": 20, **params}
    )


# --- sending --------------------------------------------------------------------------------
def test_a_message_arrives_as_it_was_sent(alice: Person, bob: Person, token: str) -> None:
    text = "Hello <b>world</b> & {user} 漢字 👩‍👩‍👧\n  second line"
    answer = alice.request("POST", f"v1/chat/{token}", message=f"  {text} \n", referenceId="abc")
    assert answer.status_code == 201
    sent = answer.json()["ocs"]["data"]
    assert (sent["message"], sent["actorType"], sent["actorId"], sent["actorDisplayName"]) == (
        text,
        "users",
        alice.id,
        "Alice",
    )
    assert (sent["messageType"], sent["isReplyable"], sent["referenceId"]) == ("comment", True, "abc")
    assert sent["messageParameters"] in ([], {})
    got = bob.history(token)[0]
    assert (got["id"], got["message"], got["timestamp"]) == (sent["id"], text, sent["timestamp"])


@pytest.mark.parametrize("message", ["", "   ", "\n\t"])
def test_an_empty_message_is_refused(alice: Person, token: str, message: str) -> None:
    assert alice.refused("POST", f"v1/chat/{token}", message=message) == (400, "message")


def test_a_message_has_at_most_32000_characters(alice: Person, token: str) -> None:
    assert alice.say(token, "漢" * 32_000)["message"] == "漢" * 32_000
    assert alice.refused("POST", f"v1/chat/{token}", message="x" * 32_001) == (413, "message")


def test_replies_contain_the_message_they_answer(alice: Person, bob: Person, token: str) -> None:
    first = alice.say(token, "Question")
    reply = bob.say(token, "Answer", replyTo=first["id"])
    assert (reply["parent"]["id"], reply["parent"]["message"]) == (first["id"], "Question")
    assert bob.history(token)[0]["parent"]["id"] == first["id"]
    assert bob.refused("POST", f"v1/chat/{token}", message="x", replyTo=10**12) == (400, "reply-to")
    elsewhere = bob.create_room()
    assert bob.refused("POST", f"v1/chat/{elsewhere}", message="x", replyTo=first["id"]) == (400, "reply-to")
    system = bob.history(elsewhere)[-1]["id"]
    assert bob.refused("POST", f"v1/chat/{elsewhere}", message="x", replyTo=system) == (400, "reply-to")


def test_a_repeated_reference_is_the_same_message(alice: Person, token: str) -> None:
    first = alice.say(token, "Once", referenceId="r1")
    assert alice.say(token, "Once", referenceId="r1")["id"] == first["id"]
    assert alice.say(token, "Other text", referenceId="r1")["id"] != first["id"]
    assert alice.say(token, "Once", referenceId="r2")["id"] != first["id"]
    assert alice.texts(token) == ["Once", "Other text", "Once"]


def test_a_reference_repeated_at_the_same_time_is_the_same_message(
    alice: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    sent = [threads.submit(alice.say, token, "Once", referenceId="same") for _ in range(10)]
    assert len({each.result()["id"] for each in sent}) == 1
    assert alice.texts(token) == ["Once"]


def test_a_repeated_reply_is_the_same_message_after_its_parent_was_deleted(alice: Person, token: str) -> None:
    parent = alice.say(token, "Question")["id"]
    reply = alice.say(token, "Answer", replyTo=parent, referenceId="r1")
    alice.delete(f"v1/chat/{token}/{parent}")
    repeated = alice.say(token, "Answer", replyTo=parent, referenceId="r1")
    assert (repeated["id"], repeated["parent"]["messageType"]) == (reply["id"], "comment_deleted")
    for text, reference in (("Another", "r1"), ("Answer", "r2"), ("Answer", "")):
        refused = alice.refused("POST", f"v1/chat/{token}", message=text, replyTo=parent, referenceId=reference)
        assert refused == (400, "reply-to")


def test_the_same_reference_of_two_senders_is_two_messages(alice: Person, bob: Person, token: str) -> None:
    assert alice.say(token, "Hi", referenceId="same")["id"] != bob.say(token, "Hi", referenceId="same")["id"]


def test_silent_messages_are_marked(alice: Person, bob: Person, token: str) -> None:
    assert alice.say(token, "Hush", silent=True)["silent"] is True
    assert bob.history(token)[0]["silent"] is True
    assert not alice.say(token, "Loud").get("silent")


def test_only_attendees_with_the_chat_permission_can_send(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    set_permissions = Statement(
        sa.update(rooms).values(default_permissions=bind("bits")).where(rooms.c.token == bind("token"))
    )
    server.write(lambda tx: tx.run(set_permissions, bits=1 + 4, token=token))
    assert bob.status("POST", f"v1/chat/{token}", message="Hello") == 403
    alice.say(token, "I may")
    assert bob.texts(token) == ["I may"]


def test_members_in_the_lobby_neither_read_nor_send(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "Inside")
    server.write(lambda tx: tx.run(_SET_LOBBY, state=1, token=token))
    assert bob.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 412
    assert bob.status("POST", f"v1/chat/{token}", message="Hello") == 412
    assert bob.status("GET", f"v4/room/{token}/participants") == 412
    assert "Inside" not in bob.request("GET", f"v4/room/{token}").text
    assert "Inside" not in bob.request("GET", "v4/room").text
    alice.say(token, "Moderators pass")
    server.write(lambda tx: tx.run(_SET_LOBBY, state=0, token=token))
    assert bob.texts(token) == ["Inside", "Moderators pass"]


# --- history --------------------------------------------------------------------------------
def test_paging_back(alice: Person, token: str) -> None:
    ids = [alice.say(token, f"Message {number}")["id"] for number in range(7)]
    answer = alice.request("GET", f"v1/chat/{token}", lookIntoFuture=0, limit=3, setReadMarker=0)
    assert [each["id"] for each in answer.json()["ocs"]["data"]] == ids[:3:-1]
    assert answer.headers["X-Chat-Last-Given"] == str(ids[4])
    assert [each["id"] for each in alice.history(token, limit=3, lastKnownMessageId=ids[4])] == ids[3:0:-1]
    including = alice.history(token, limit=2, lastKnownMessageId=ids[4], includeLastKnown=1)
    assert [each["id"] for each in including] == [ids[4], ids[3]]
    first = alice.history(token)[-1]["id"]
    assert alice.status("GET", f"v1/chat/{token}", lookIntoFuture=0, lastKnownMessageId=first) == 304


def test_paging_forward(alice: Person, token: str) -> None:
    ids = [alice.say(token, f"Message {number}")["id"] for number in range(6)]
    answer = wait(alice, token, ids[0], limit=3, timeout=0)
    assert [each["id"] for each in answer.json()["ocs"]["data"]] == ids[1:4]
    assert answer.headers["X-Chat-Last-Given"] == str(ids[3])
    including = wait(alice, token, ids[3], timeout=0, includeLastKnown=1).json()["ocs"]["data"]
    assert [each["id"] for each in including] == ids[3:]
    assert wait(alice, token, ids[-1], timeout=0).status_code == 304


def test_a_page_has_at_most_200_messages(alice: Person, token: str) -> None:
    for number in range(205):
        alice.say(token, str(number))
    for limit, given in ((0, 200), (-5, 200), (1000, 200), (150, 150), ("x", 200)):
        assert len(alice.history(token, limit=limit)) == given, limit


@pytest.mark.parametrize("name", ["limit", "lastKnownMessageId", "setReadMarker"])
def test_later_parameters_require_look_into_future(alice: Person, token: str, name: str) -> None:
    assert alice.refused("GET", f"v1/chat/{token}", **{name: 1}) == (400, "lookIntoFuture")


def test_nobody_outside_the_room_reads_messages(server: Server, alice: Person, token: str) -> None:
    alice.say(token, "Private")
    for person in (server.add_user("stranger"), server.visitor()):
        hidden = person.request("GET", f"v1/chat/{token}", lookIntoFuture=0)
        absent = person.request("GET", "v1/chat/abcdefgh", lookIntoFuture=0)
        assert (hidden.status_code, hidden.content) == (404, absent.content)


# --- waiting --------------------------------------------------------------------------------
def test_a_waiting_request_returns_a_new_message(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    last = alice.say(token, "Before")["id"]
    waiting = begin_waiting(server, threads, wait, bob, token, last)
    sent = alice.say(token, "Now")
    answer = waiting.result(10)
    assert [each["id"] for each in answer.json()["ocs"]["data"]] == [sent["id"]]
    assert answer.headers["X-Chat-Last-Given"] == str(sent["id"])


def test_many_writers_and_pollers_see_everything_once_in_order(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    start = alice.history(token)[0]["id"]
    count = 40

    def poll(person: Person) -> list[int]:
        seen: list[int] = []
        while len(seen) < count:
            answer = wait(person, token, seen[-1] if seen else start, limit=7)
            if answer.status_code == 200:
                seen += [each["id"] for each in answer.json()["ocs"]["data"]]
        return seen

    pollers = [threads.submit(poll, Person(server.client(bob.id), bob.id)) for _ in range(3)]
    writers = [threads.submit(lambda: [alice.say(token, "x")["id"] for _ in range(count // 4)]) for _ in range(4)]
    sent = sorted(number for writer in writers for number in writer.result(30))
    for poller in pollers:
        assert poller.result(30) == sent


def test_waiting_ends_after_the_timeout(server: Server, alice: Person, token: str) -> None:
    last = alice.history(token)[0]["id"]
    path = f"v1/chat/{token}"
    answer = answer_after(server, alice, path, seconds=20, timeout=20, lookIntoFuture=1, lastKnownMessageId=last)
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_waiting_request_returns_a_new_common_read_marker(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    last = alice.say(token, "Read me")["id"]
    answer = alice.request("GET", f"v1/chat/{token}", lookIntoFuture=0)
    common = int(answer.headers["X-Chat-Last-Common-Read"])
    waiting = begin_waiting(server, threads, wait, alice, token, last, lastCommonReadId=common)
    bob.post(f"v1/chat/{token}/read", lastReadMessage=last)
    answer = waiting.result(10)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, [])
    assert int(answer.headers["X-Chat-Last-Common-Read"]) == last


# --- reading --------------------------------------------------------------------------------
def test_unread_messages_are_counted_until_read(alice: Person, bob: Person, token: str) -> None:
    ids = [alice.say(token, str(number))["id"] for number in range(3)]
    assert alice.room(token)["unreadMessages"] == 0
    assert bob.room(token)["unreadMessages"] == 3
    assert bob.post(f"v1/chat/{token}/read", lastReadMessage=ids[0])["unreadMessages"] == 2
    assert bob.post(f"v1/chat/{token}/read")["unreadMessages"] == 0
    assert bob.delete(f"v1/chat/{token}/read")["unreadMessages"] == 1


@pytest.mark.parametrize("last", [0, -1, -2, -5])
def test_a_read_marker_before_the_first_message_leaves_all_unread(
    alice: Person, bob: Person, token: str, last: int
) -> None:
    for number in range(3):
        alice.say(token, str(number))
    room = bob.post(f"v1/chat/{token}/read", lastReadMessage=last)
    assert (room["lastReadMessage"], room["unreadMessages"]) == (NEVER_READ, 3)
    wait(bob, token, 0, timeout=0)
    assert bob.rooms()[token]["lastReadMessage"] == NEVER_READ


def test_a_read_marker_can_stand_on_messages_about_reactions_and_changes(
    alice: Person, bob: Person, token: str
) -> None:
    said = alice.say(token, "Lunch?")["id"]
    alice.post(f"v1/reaction/{token}/{said}", reaction="👍")
    (reaction,) = wait(bob, token, said, timeout=0).json()["ocs"]["data"]
    wait(bob, token, reaction["id"], timeout=0)
    assert bob.room(token)["lastReadMessage"] == reaction["id"]
    alice.put(f"v1/chat/{token}/{said}", message="Dinner?")
    edit = alice.history(token)[0]
    for last, marker in ((edit["id"], edit["id"]), (said, said), (edit["id"] + 1_000_000, edit["id"])):
        assert bob.post(f"v1/chat/{token}/read", lastReadMessage=last)["lastReadMessage"] == marker
    assert bob.room(token)["unreadMessages"] == 0
    alice.say(token, "Or tea?")
    assert bob.room(token)["unreadMessages"] == 1


def test_waiting_for_messages_after_one_marks_it_as_read(alice: Person, bob: Person, token: str) -> None:
    last = alice.say(token, "Hello")["id"]
    wait(bob, token, last, timeout=0, setReadMarker=0)
    assert bob.room(token)["unreadMessages"] == 1
    wait(bob, token, last, timeout=0)
    assert bob.room(token)["unreadMessages"] == 0
    assert alice.room(token)["lastCommonReadMessage"] == last


def test_a_null_parameter_counts_as_missing(alice: Person, bob: Person, token: str) -> None:
    said = alice.post(f"v1/chat/{token}", message="Hi", replyTo=None, referenceId=None, silent=None)
    assert (said["message"], said["referenceId"], "parent" in said, "silent" in said) == ("Hi", "", False, False)
    assert bob.refused("POST", f"v1/chat/{token}", message=None) == (400, "message")


def test_history_returns_a_new_common_read_marker(alice: Person, bob: Person, token: str) -> None:
    first, last = alice.history(token)[-1]["id"], alice.say(token, "Hi")["id"]

    def look_back(common: int) -> Any:
        known = {"lookIntoFuture": 0, "lastKnownMessageId": first, "lastCommonReadId": common}
        return alice.request("GET", f"v1/chat/{token}", **known)

    common = bob.room(token)["lastReadMessage"]
    assert look_back(common).status_code == look_back(0).status_code == 304
    bob.post(f"v1/chat/{token}/read")
    answer = look_back(common)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, [])
    assert answer.headers["X-Chat-Last-Common-Read"] == str(last)
    assert "X-Chat-Last-Given" not in answer.headers


def test_a_read_marker_before_the_first_message_is_the_common_one(alice: Person, bob: Person, token: str) -> None:
    read = bob.request("POST", f"v1/chat/{token}/read", lastReadMessage=0)
    said = alice.request("POST", f"v1/chat/{token}", message="Hi")
    assert read.headers["X-Chat-Last-Common-Read"] == said.headers["X-Chat-Last-Common-Read"] == str(NEVER_READ)


# --- mentions -------------------------------------------------------------------------------
def test_mentions_become_rich_parameters(alice: Person, bob: Person, token: str) -> None:
    sent = alice.say(token, f'Hi @{bob.id}, "quoted" @"{bob.id}" and @nobody-here')
    assert "@nobody-here" in sent["message"]
    parameter = sent["messageParameters"]["mention-user1"]
    assert (parameter["type"], parameter["id"], parameter["name"]) == ("user", bob.id, "Bob")
    assert "{mention-user1}" in sent["message"]
    room = bob.room(token)
    assert (room["unreadMention"], room["unreadMentionDirect"]) == (True, True)
    bob.post(f"v1/chat/{token}/read")
    assert bob.room(token)["unreadMention"] is False


def test_all_mentions_everybody_but_the_author(alice: Person, bob: Person, token: str) -> None:
    sent = alice.say(token, "Listen @all")
    assert sent["messageParameters"]["mention-call1"]["type"] == "call"
    assert bob.room(token)["unreadMention"] is True
    assert bob.room(token)["unreadMentionDirect"] is False
    assert alice.room(token)["unreadMention"] is False


def test_a_group_is_mentioned_with_its_members(server: Server, alice: Person, bob: Person) -> None:
    group = server.add_group(bob)
    token = alice.create_room(invite=group, source="groups")
    sent = alice.say(token, f'Hi @"group/{group}"')
    assert sent["messageParameters"]["mention-group1"]["id"] == group
    assert bob.room(token)["unreadMention"] is True


def test_guests_are_mentioned_by_name(server: Server, alice: Person) -> None:
    visitor = server.visitor()
    token = alice.create_room(PUBLIC)
    guest = visitor.join(token)["actorId"]
    visitor.post(f"v1/guest/{token}/name", displayName="Ada")
    sent = alice.say(token, f'Hi @"guest/{guest}"')
    parameter = sent["messageParameters"]["mention-guest1"]
    assert (parameter["type"], parameter["name"]) == ("guest", "Ada")


def test_a_new_name_shows_in_old_messages(server: Server, alice: Person, token: str) -> None:
    alice.say(token, "Hello")
    server.admin.put(f"/ocs/v2.php/cloud/users/{alice.id}", json={"key": "displayname", "value": "Alicia"})
    assert alice.history(token)[0]["actorDisplayName"] == "Alicia"


def test_the_known_message_is_returned_only_with_new_ones(alice: Person, token: str) -> None:
    known = alice.say(token, "one")["id"]
    waiting = {"lookIntoFuture": 1, "lastKnownMessageId": known, "includeLastKnown": 1, "timeout": 0}
    assert alice.status("GET", f"v1/chat/{token}", **waiting) == 304
    alice.say(token, "two")
    for limit in (0, 1, 2):
        assert [each["message"] for each in alice.get(f"v1/chat/{token}", **waiting, limit=limit)] == ["one", "two"]


@pytest.mark.parametrize(
    ("value", "silent"),
    [("no", True), ("off", True), ("2", True), ("1", True), ("", False), ("0", False), ("false", False)],
)
def test_booleans_are_read_as_php_reads_them(alice: Person, token: str, value: str, silent: bool) -> None:
    sent = alice.http.post(f"{TALK}v1/chat/{token}", data={"message": "Hi", "silent": value}).json()["ocs"]["data"]
    assert sent.get("silent", False) is silent


def test_messages_of_guests_keep_the_name_after_the_guest_left(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    guest = server.visitor()
    who = guest.join(token)["actorId"]
    guest.post(f"v1/guest/{token}/name", displayName="Zoë")
    said = guest.say(token, "hello")
    poll = guest.post(f"v1/poll/{token}", question="?", options=["a", "b"], resultMode=0, maxVotes=1)
    guest.post(f"v1/reaction/{token}/{said['id']}", reaction="👍")
    alice.say(token, f'Hi @"guest/{who}"', replyTo=said["id"])
    guest.delete(f"v4/room/{token}/participants/active")
    mention, shared, hello, *_ = [each for each in alice.history(token) if not each["systemMessage"]]
    assert [each["actorDisplayName"] for each in (hello, shared, mention["parent"])] == ["Zoë"] * 3
    assert mention["messageParameters"]["mention-guest1"]["name"] == "Zoë"
    assert alice.get(f"v1/poll/{token}/{poll['id']}")["actorDisplayName"] == "Zoë"
    assert alice.get(f"v1/reaction/{token}/{said['id']}")["👍"][0]["actorDisplayName"] == "Zoë"
    alice.delete(f"v1/chat/{token}/{mention['id']}")
    found = alice.get("/ocs/v2.php/search/providers/talk-message/search", term="hello", conversation=token)
    assert [each["title"] for each in found["entries"]] == ["Zoë (guest)"]
