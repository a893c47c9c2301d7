"""Edit and delete messages, clear the history, and load the context of a message."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from support.notifications import notifications_of
from support.people import NOTE_TO_SELF, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.core import clock
from talkd.core.constants import NEVER_READ


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that moves the clock ahead, in seconds."""
    return lambda seconds: monkeypatch.setattr(clock, "source", lambda: time.time() + seconds)


def edit(person: Person, token: str, message: dict[str, Any], text: str) -> Any:
    return person.put(f"v1/chat/{token}/{message['id']}", message=text)


def delete(person: Person, token: str, message: dict[str, Any]) -> Any:
    return person.delete(f"v1/chat/{token}/{message['id']}")


def news(person: Person, token: str, after: int) -> list[dict[str, Any]]:
    return person.get(f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=after, timeout=0) or []


# --- editing --------------------------------------------------------------------------------
def test_edits_by_a_deleted_account_name_no_editor(server: Server, alice: Person, token: str) -> None:
    dave = server.add_user("dave")
    alice.add(token, dave)
    said = dave.say(token, "Helo")
    edit(dave, token, said, "Hello")
    server.admin.delete(f"/ocs/v2.php/cloud/users/{dave.id}").raise_for_status()
    shown = next(each for each in alice.history(token) if each["id"] == said["id"])
    assert (shown["actorType"], shown["lastEditActorType"], shown["lastEditActorId"]) == (
        "deleted_users",
        "deleted_users",
        "deleted_users",
    )
    assert shown["lastEditActorDisplayName"] == ""


def test_messages_do_not_name_a_deleted_account(server: Server, alice: Person, bob: Person, token: str) -> None:
    dave = server.add_user("dave", display_name='Dave "D" %_')
    alice.add(token, dave)
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, dave))
    said, mention = bob.say(token, "Hello"), bob.say(token, f"Hi @{dave.id} and @{alice.id}")
    delete(dave, token, said)
    server.admin.delete(f"/ocs/v2.php/cloud/users/{dave.id}").raise_for_status()
    nobody = {"type": "highlight", "id": "deleted_users", "name": "Deleted user"}
    shown = {each["id"]: each for each in bob.history(token)}
    assert shown[said["id"]]["message"] == "Message deleted by {actor}"
    assert shown[said["id"]]["messageParameters"]["actor"] == nobody
    named = shown[mention["id"]]["messageParameters"]
    assert nobody in named.values()
    assert alice.id in {each["id"] for each in named.values()}
    report = next(each for each in shown.values() if each["systemMessage"] == "message_deleted")
    assert (report["actorType"], report["actorDisplayName"]) == ("deleted_users", "")
    assert report["messageParameters"]["actor"] == nobody
    about_dave = [each for each in shown.values() if each["systemMessage"] in ("user_added", "moderator_promoted")]
    assert [each["messageParameters"]["user"] for each in about_dave if each["actorId"] == alice.id].count(nobody) == 2
    assert dave.id not in str(shown)
    assert "Dave" not in str(shown)


def test_an_edited_message_shows_editor_and_time(alice: Person, bob: Person, token: str) -> None:
    said = bob.say(token, "Helo")
    assert "lastEditTimestamp" not in said
    report = edit(alice, token, said, "Hello")
    assert (report["systemMessage"], report["message"], report["parent"]["message"]) == (
        "message_edited",
        "You edited a message",
        "Hello",
    )
    shown = next(each for each in bob.history(token) if each["id"] == said["id"])
    assert (shown["message"], shown["actorId"], shown["timestamp"]) == ("Hello", bob.id, said["timestamp"])
    assert (shown["lastEditActorType"], shown["lastEditActorId"], shown["lastEditActorDisplayName"]) == (
        "users",
        alice.id,
        "Alice",
    )
    assert shown["lastEditTimestamp"] >= said["timestamp"]


def test_the_editor_of_a_message_has_their_current_name(alice: Person, bob: Person, token: str) -> None:
    said = bob.say(token, "Lunch?")
    edit(alice, token, said, "Dinner?")
    answer = bob.say(token, "Yes", replyTo=said["id"])
    alice.request("PUT", f"/ocs/v2.php/cloud/users/{alice.id}", key="displayname", value="Alicia").raise_for_status()
    known = {each["id"]: each for each in bob.history(token)}
    news = bob.get(f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=answer["id"] - 1, timeout=0)
    for shown in (known[said["id"]], known[answer["id"]]["parent"], news[0]["parent"]):
        assert shown["lastEditActorDisplayName"] == "Alicia"


def test_a_poll_returns_an_edit_with_the_new_text(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "one")
    assert news(bob, token, said["id"] - 1)[-1]["message"] == "one"
    edit(alice, token, said, "two")
    assert [(each["message"], each["parent"]["message"]) for each in news(bob, token, said["id"])] == [
        ("{actor} edited a message", "two")
    ]
    assert news(bob, token, said["id"] - 1)[0]["message"] == "two"


def test_an_edit_neither_counts_as_unread_nor_becomes_the_last_message(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "one")
    edit(alice, token, said, "two")
    room = bob.room(token)
    assert (room["unreadMessages"], room["lastMessage"]["id"], room["lastMessage"]["message"]) == (1, said["id"], "two")


def test_a_mention_added_by_an_edit_marks_the_room_as_unread(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Look")
    assert not bob.room(token)["unreadMention"]
    report = edit(alice, token, said, f"Look, @{bob.id}")
    assert report["parent"]["messageParameters"]["mention-user1"]["id"] == bob.id
    assert (bob.room(token)["unreadMention"], bob.room(token)["unreadMentionDirect"]) == (True, True)


def test_an_edit_of_an_older_message_hides_no_newer_mention(alice: Person, bob: Person, token: str) -> None:
    old = alice.say(token, "Look")
    alice.say(token, f"You too, @{bob.id}")
    edit(alice, token, old, f"Look, @{bob.id}")
    bob.post(f"v1/chat/{token}/read", lastReadMessage=old["id"])
    assert bob.room(token)["unreadMentionDirect"]


def test_an_edit_that_drops_a_mention_keeps_the_flags(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, f"Look, @{bob.id}")
    edit(alice, token, said, "Look, all of you")
    assert (bob.room(token)["unreadMention"], bob.room(token)["unreadMentionDirect"]) == (True, True)
    bob.post(f"v1/chat/{token}/read")
    edit(alice, token, said, "Never mind")
    assert (bob.room(token)["unreadMention"], bob.room(token)["unreadMentionDirect"]) == (False, False)


def test_an_edit_to_all_and_back_replaces_the_notification(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, f"for @{bob.id}")
    (first,) = notifications_of(bob)
    seen = [first["notification_id"]]
    for text, subject in (("@all", "Alice mentioned everyone"), (f"@{bob.id}", "Alice mentioned you")):
        edit(alice, token, said, f"for {text}")
        (shown,) = notifications_of(bob)
        assert shown["subject"].startswith(subject)
        assert shown["notification_id"] not in seen
        seen.append(shown["notification_id"])


def test_messages_can_be_edited_for_a_day(alice: Person, token: str, later: Callable[[int], None]) -> None:
    said = alice.say(token, "one")
    later(86_390)
    edit(alice, token, said, "two")
    later(86_410)
    path = f"v1/chat/{token}/{said['id']}"
    assert alice.refused("PUT", path, message="three") == (400, "age")
    assert alice.delete(path)["systemMessage"] == "message_deleted"


def test_notes_to_oneself_can_always_be_edited(alice: Person, later: Callable[[int], None]) -> None:
    notes = alice.get("v4/room/note-to-self")
    assert notes["type"] == NOTE_TO_SELF
    said = alice.say(notes["token"], "Milk")
    later(10**7)
    assert edit(alice, notes["token"], said, "Oat milk")["parent"]["message"] == "Oat milk"


def test_users_of_a_one_to_one_room_change_only_their_own_messages(alice: Person, bob: Person) -> None:
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.say(pair, "Hello")
    said = bob.say(pair, "Mine")
    path = f"v1/chat/{pair}/{said['id']}"
    assert alice.refused("PUT", path, message="x") == (403, "permission")
    assert alice.refused("DELETE", path) == (403, "permission")
    assert edit(bob, pair, said, "Still mine")["parent"]["message"] == "Still mine"


def test_messages_of_another_room_are_not_found(alice: Person, token: str) -> None:
    elsewhere = alice.create_room()
    said = alice.say(elsewhere, "Private")
    path = f"v1/chat/{token}/{said['id']}"
    assert alice.refused("PUT", path, message="x") == (404, "message")
    assert alice.refused("DELETE", path) == (404, "message")
    assert alice.texts(elsewhere) == ["Private"]
    around = alice.get(f"{path}/context")
    assert {each["token"] for each in around} == {token}


def test_messages_of_a_locked_room_cannot_be_changed(alice: Person, token: str) -> None:
    said = alice.say(token, "one")
    alice.put(f"v4/room/{token}/read-only", state=1)
    path = f"v1/chat/{token}/{said['id']}"
    assert alice.status("PUT", path, message="x") == 403
    assert alice.status("DELETE", path) == 403
    assert alice.status("DELETE", f"v1/chat/{token}") == 403


def test_guests_cannot_change_messages(server: Server, alice: Person) -> None:
    public = alice.create_room(PUBLIC)
    guest = server.visitor()
    guest.join(public)
    said = guest.say(public, "Hello")
    path = f"v1/chat/{public}/{said['id']}"
    assert guest.status("PUT", path, message="x") == 404
    assert guest.status("DELETE", path) == 404
    assert guest.status("DELETE", f"v1/chat/{public}") == 401


# --- deleting -------------------------------------------------------------------------------
def test_a_deleted_message_says_who_deleted_it(alice: Person, bob: Person, token: str) -> None:
    first, second = bob.say(token, "secret"), alice.say(token, "secret too")
    delete(alice, token, first)
    delete(alice, token, second)
    for reader, texts in (
        (alice, {"Message deleted by you"}),
        (bob, {"Message deleted by {actor}", "Message deleted by author"}),
    ):
        shown = [each for each in reader.history(token) if each["messageType"] == "comment_deleted"]
        assert {each["message"] for each in shown} == texts
        assert all(each["deleted"] and not each["isReplyable"] for each in shown)
        assert {each["messageParameters"]["actor"]["id"] for each in shown} == {alice.id}
        assert "secret" not in str(reader.history(token))


def test_polls_return_a_deleted_parent_in_the_words_for_each_reader(alice: Person, bob: Person, token: str) -> None:
    said = bob.say(token, "secret")
    reply = alice.say(token, "Really?", replyTo=said["id"])
    delete(bob, token, said)
    assert [each["parent"]["message"] for each in news(bob, token, said["id"])] == ["Message deleted by you"] * 2
    assert [each["parent"]["message"] for each in news(alice, token, said["id"])] == ["Message deleted by author"] * 2
    assert news(alice, token, reply["id"])[0]["message"] == "{actor} deleted a message"


def test_a_deleted_message_does_not_count_as_unread(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "one")
    alice.say(token, "two")
    assert bob.room(token)["unreadMessages"] == 2
    delete(alice, token, said)
    assert bob.room(token)["unreadMessages"] == 1


def test_the_room_list_does_not_contain_the_text_of_a_deleted_message(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "first draft")
    edit(alice, token, said, "secret")
    delete(alice, token, said)
    last = bob.rooms()[token]["lastMessage"]
    assert (last["id"], last["message"], last["deleted"]) == (said["id"], "Message deleted by author", True)
    assert "lastEditTimestamp" not in last


def test_a_deleted_message_cannot_be_deleted_edited_or_answered(alice: Person, token: str) -> None:
    said = alice.say(token, "one")
    delete(alice, token, said)
    path = f"v1/chat/{token}/{said['id']}"
    assert alice.refused("DELETE", path) == (405, "message")
    assert alice.refused("PUT", path, message="x") == (405, "message")
    assert alice.refused("POST", f"v1/chat/{token}", message="x", replyTo=said["id"]) == (400, "reply-to")


# --- clearing -------------------------------------------------------------------------------
def test_clearing_the_history_leaves_only_its_system_message(alice: Person, bob: Person, token: str) -> None:
    bob.say(token, f"secret for @{alice.id}")
    alice.say(token, f"secret for @{bob.id}")
    report = alice.delete(f"v1/chat/{token}")
    assert (report["systemMessage"], report["message"]) == (
        "history_cleared",
        "You cleared the history of the conversation",
    )
    assert [each["id"] for each in bob.history(token)] == [report["id"]]
    assert bob.history(token)[0]["message"] == "{actor} cleared the history of the conversation"
    for person in (alice, bob):
        room = person.room(token)
        assert (room["unreadMessages"], room["unreadMention"], room["unreadMentionDirect"]) == (0, False, False)
        assert room["lastMessage"]["id"] == report["id"]
        assert room["lastReadMessage"] == room["lastCommonReadMessage"] == NEVER_READ
    news(bob, token, report["id"])
    assert bob.room(token)["lastReadMessage"] == report["id"]


def test_clearing_the_history_removes_reactions_and_polls(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "one")
    bob.post(f"v1/reaction/{token}/{said['id']}", reaction="👍")
    poll = alice.post(f"v1/poll/{token}", question="Which?", options=["a", "b"], resultMode=0, maxVotes=1)["id"]
    alice.delete(f"v1/chat/{token}")
    assert bob.status("GET", f"v1/reaction/{token}/{said['id']}") == 404
    assert bob.status("GET", f"v1/poll/{token}/{poll}") == 404


def test_a_deleted_message_has_no_reactions(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "one")
    bob.post(f"v1/reaction/{token}/{said['id']}", reaction="👍")
    assert delete(alice, token, said)["parent"]["reactions"] == {}
    assert bob.status("GET", f"v1/reaction/{token}/{said['id']}") == 404


def test_a_poll_returns_that_the_history_was_cleared(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "secret")
    news(bob, token, said["id"] - 1)
    alice.delete(f"v1/chat/{token}")
    assert [each["systemMessage"] for each in news(bob, token, said["id"])] == ["history_cleared"]
    assert [each["systemMessage"] for each in news(bob, token, said["id"] - 1)] == ["history_cleared"]
    assert alice.say(token, "A new start")["id"] > said["id"]


def test_only_moderators_clear_the_history_and_not_in_one_to_one_rooms(
    server: Server, alice: Person, bob: Person
) -> None:
    group = alice.create_room()
    alice.add(group, bob)
    assert bob.status("DELETE", f"v1/chat/{group}") == 403
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.say(pair, "ours")
    assert alice.status("DELETE", f"v1/chat/{pair}") == 403
    assert bob.texts(pair) == ["ours"]
    assert server.add_user("carol").status("DELETE", f"v1/chat/{group}") == 404


# --- context --------------------------------------------------------------------------------
def test_the_context_of_a_message_holds_the_messages_around_it(alice: Person, bob: Person, token: str) -> None:
    said = [alice.say(token, str(number))["id"] for number in range(9)]
    answer = bob.request("GET", f"v1/chat/{token}/{said[4]}/context", limit=2)
    shown = [each["id"] for each in answer.json()["ocs"]["data"]]
    assert shown == said[3:7]
    assert answer.headers["X-Chat-Last-Given"] == str(said[6])
    assert bob.room(token)["unreadMessages"] == 9
    for unlimited in (0, -1, 1000):
        around = bob.get(f"v1/chat/{token}/{said[4]}/context", limit=unlimited)
        assert [each["id"] for each in around] == [each["id"] for each in reversed(bob.history(token))]


def test_the_context_of_an_impossible_id_is_the_newest_message(alice: Person, token: str) -> None:
    last = alice.say(token, "Last")["id"]
    (shown,) = alice.get(f"v1/chat/{token}/{10**30}/context", limit=1)
    assert shown["id"] == last
    (shown,) = alice.get(f"v1/chat/{token}", lookIntoFuture=0, lastKnownMessageId=10**30, includeLastKnown=1, limit=1)
    assert shown["id"] == last


def test_a_room_without_messages_has_no_context(
    alice: Person, bob: Person, token: str, later: Callable[[int], None]
) -> None:
    alice.post(f"v4/room/{token}/message-expiration", seconds=3600)
    alice.delete(f"v1/chat/{token}")
    later(3_601)
    assert bob.status("GET", f"v1/chat/{token}/1/context") == 304
