"""A message's notifications exist by the time its own answer arrives, for whoever was to be notified at that moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.notifications import ALWAYS, NEVER, PATH, kept, listen, poll, subjects, told
from support.people import PUBLIC, Person
from support.running import Server
from talkd.areas.notifications import delivery_service
from talkd.areas.notifications.messenger import Messenger


def texts(server: Server, person: Person) -> list[str]:
    """The messages somebody is notified of, newest first."""
    return [each["message"] for each in told(person)]


@pytest.fixture(autouse=True)
def no_job(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the job that notifies users a moment later from noticing messages, so that it cannot hide a fault."""
    monkeypatch.setattr(server.app.world[Messenger], "note_room", lambda _room_id: None)


# --- who has the room open ------------------------------------------------------------------
def test_whoever_has_the_room_open_is_notified_of_what_is_meant_for_them(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    group = server.add_group(bob)
    alice.post(f"v4/room/{token}/participants", newParticipant=group, source="groups")
    listen(bob, token, ALWAYS)
    bob.join(token)
    mine = bob.say(token, "mine")
    alice.say(token, "to nobody in particular")
    assert told(bob) == []
    alice.say(token, f"@{bob.id}")
    alice.say(token, f'@"group/{group}"')
    alice.say(token, "@all")
    alice.say(token, "an answer", replyTo=mine["id"])
    alice.post(f"v1/reaction/{token}/{mine['id']}", reaction="👍")
    assert sorted(subjects(bob)) == sorted(
        [
            "Alice mentioned you in conversation Room",
            f"Alice mentioned group {group} in conversation Room",
            "Alice mentioned everyone in conversation Room",
            "Alice replied to your message in conversation Room",
            "Alice reacted with 👍 to your message in conversation Room",
        ]
    )


@pytest.mark.parametrize("mention", ["@{bob}", "@all"])
def test_mentions_in_a_one_to_one_room_are_of_the_other_user(
    alice: Person, bob: Person, private: str, mention: str
) -> None:
    bob.join(private)
    alice.say(private, mention.format(bob=bob.id))
    (shown,) = told(bob)
    assert shown["subject"] == "Alice mentioned you in a private conversation"
    assert shown["subjectRich"] == "{user} mentioned you in a private conversation"


def test_a_level_of_never_holds_for_mentions_in_an_open_room(alice: Person, bob: Person, token: str) -> None:
    listen(bob, token, NEVER)
    bob.join(token)
    alice.say(token, f"@{bob.id} and @all")
    assert told(bob) == []


# --- as it was when the message was posted -----------------------------------------------------
def test_looking_away_and_back_between_messages(server: Server, alice: Person, bob: Person, private: str) -> None:
    state = f"v4/room/{private}/participants/state"
    bob.join(private)
    alice.say(private, "seen")
    bob.put(state, state=0)
    alice.say(private, "missed")
    bob.put(state, state=1)
    alice.say(private, "seen again")
    assert texts(server, bob) == ["missed"]


def test_leaving_and_joining_between_messages(server: Server, alice: Person, bob: Person, private: str) -> None:
    bob.join(private)
    alice.say(private, "seen")
    bob.delete(f"v4/room/{private}/participants/active")
    alice.say(private, "missed")
    bob.join(private)
    alice.say(private, "seen again")
    assert texts(server, bob) == ["missed"]


def test_choosing_another_level_counts_for_later_messages(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    alice.say(token, "too early")
    listen(bob, token, ALWAYS)
    alice.say(token, "in time")
    listen(bob, token, NEVER)
    alice.say(token, f"too late, @{bob.id}")
    assert texts(server, bob) == ["in time"]


def test_putting_a_room_away_counts_for_later_messages(server: Server, alice: Person, bob: Person, token: str) -> None:
    listen(bob, token, ALWAYS)
    alice.say(token, "before")
    bob.post(f"v4/room/{token}/archive")
    alice.say(token, "meanwhile")
    bob.delete(f"v4/room/{token}/archive")
    assert texts(server, bob) == ["before"]


def test_what_was_posted_behind_the_lobby_notifies_nobody_later(alice: Person, bob: Person, token: str) -> None:
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    alice.say(token, f"inside, @{bob.id}")
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    assert told(bob) == []
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    alice.say(token, f"inside again, @{bob.id}")
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    assert told(bob) == []


def test_whoever_comes_later_is_not_notified(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    alice.say(token, "@all")
    alice.add(token, bob)
    assert told(bob) == []
    alice.say(token, "@all again")
    assert texts(server, bob) == ["@all again"]


# --- what happens to a message before anybody has looked -------------------------------------------
def test_a_message_read_at_once_stays_read(alice: Person, bob: Person, private: str) -> None:
    first, second = alice.say(private, "first"), alice.say(private, "second")
    bob.post(f"v1/chat/{private}/read", lastReadMessage=second["id"])
    bob.post(f"v1/chat/{private}/read", lastReadMessage=first["id"])
    assert told(bob) == []
    third = alice.say(private, "third")
    bob.post(f"v1/chat/{private}/read", lastReadMessage=third["id"])
    bob.delete(f"v1/chat/{private}/read")
    assert told(bob) == []


@pytest.mark.parametrize("has_joined", [True, False])
def test_polling_dismisses_what_was_posted_before(
    server: Server, alice: Person, bob: Person, private: str, has_joined: bool
) -> None:
    if has_joined:
        bob.join(private)
    said = alice.say(private, f"@{bob.id}")
    poll(bob, private, said["id"], setReadMarker=0)
    assert told(bob) == []
    alice.say(private, f"later, @{bob.id}")
    assert texts(server, bob) == ["later, @Bob"]


def test_polling_that_marks_nothing_dismisses_nothing(server: Server, alice: Person, bob: Person, private: str) -> None:
    said = alice.say(private, f"@{bob.id}")
    poll(bob, private, said["id"], setReadMarker=0, markNotificationsAsRead=0)
    assert texts(server, bob) == ["@Bob"]


def test_dismissing_everything_dismisses_the_newest_too(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    alice.say(private, "Hello")
    bob.delete(PATH)
    assert told(bob) == []
    assert kept(server, bob) == 0


def test_deleting_and_clearing_at_once(alice: Person, bob: Person, private: str, token: str) -> None:
    said = alice.say(private, "gone")
    alice.delete(f"v1/chat/{private}/{said['id']}")
    alice.say(token, f"gone, @{bob.id}")
    alice.delete(f"v1/chat/{token}")
    assert told(bob) == []


def test_an_edit_at_once_notifies_once(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "for nobody")
    alice.put(f"v1/chat/{token}/{said['id']}", message=f"for @{bob.id}")
    (shown,) = told(bob)
    bob.delete(f"{PATH}/{shown['notification_id']}")
    assert told(bob) == []


def test_the_etag_changes_with_the_message(alice: Person, bob: Person, private: str) -> None:
    tag = bob.request("GET", PATH).headers["etag"]

    def look() -> int:
        return bob.http.get(PATH, headers={"If-None-Match": tag}).status_code

    assert look() == 304
    alice.say(private, "Hello")
    assert look() == 200


def test_joining_dismisses_reactions(server: Server, alice: Person, bob: Person, private: str) -> None:
    bob.join(private)
    said = bob.say(private, "Lunch?")
    bob.delete(f"v4/room/{private}/participants/active")
    alice.post(f"v1/reaction/{private}/{said['id']}", reaction="👍")
    alice.say(private, "Now!")
    assert len(told(bob)) == 2
    bob.join(private)
    assert texts(server, bob) == ["Now!"]


# --- many at the same moment ----------------------------------------------------------------------
def test_whoever_looks_after_an_answer_sees_each_message_once(
    server: Server, alice: Person, bob: Person, private: str, threads: ThreadPoolExecutor
) -> None:
    dave = server.add_user("dave")
    token = alice.create_room()
    for person in (bob, dave):
        alice.add(token, person)
        listen(person, token, ALWAYS)

    def write(number: int) -> str:
        room = token if number % 3 else private
        said = alice.say(room, f"{number} @all")
        wanted = f"{room}/{said['id']}"
        for person in (bob, dave) if room == token else (bob,):
            assert wanted in [each["object_id"] for each in told(person)]
        return wanted

    said = list(threads.map(write, range(24)))
    assert sorted(each["object_id"] for each in told(bob)) == sorted(said)
    assert kept(server, bob) == 24 + 1, "and the invitation"
    assert kept(server, dave) == 16 + 1


def test_a_dismissed_notification_does_not_come_back_while_others_look(
    alice: Person, bob: Person, private: str, threads: ThreadPoolExecutor
) -> None:
    """Dismissing everything races with looking: what was posted before is gone afterwards."""
    for number in range(12):
        alice.say(private, str(number))
        done = [threads.submit(told, bob) for _ in range(3)]
        done.append(threads.submit(bob.delete, PATH))
        for each in done:
            each.result(30)
        assert told(bob) == []


def test_nothing_is_created_twice_in_two_transactions_at_once(
    server: Server, alice: Person, bob: Person, private: str, threads: ThreadPoolExecutor
) -> None:
    alice.say(private, "Hello")

    room_id = alice.room(private)["id"]
    for each in [
        threads.submit(server.write, lambda tx: delivery_service.notify_of_messages(tx, [room_id])) for _ in range(6)
    ]:
        each.result(30)
    assert kept(server, bob) == 1
