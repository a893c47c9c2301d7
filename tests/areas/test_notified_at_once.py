"""The notifications of a message exist when its request is answered, for those who were to be notified then."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.notifications import ALWAYS, NEVER, PATH, count_stored, notifications_of, poll, set_level, subjects
from support.people import PUBLIC, Person
from support.running import Server
from talkd.areas.notifications import delivery_service
from talkd.areas.notifications.messenger import Messenger


def texts(server: Server, person: Person) -> list[str]:
    """List the messages that the user is notified of, newest first."""
    return [each["message"] for each in notifications_of(person)]


@pytest.fixture(autouse=True)
def no_job(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the job that notifies users a moment later from noticing messages, so that it cannot hide a fault."""
    monkeypatch.setattr(server.app.world[Messenger], "note_room", lambda _room_id: None)


# --- who has the room open ------------------------------------------------------------------
def test_users_with_the_room_open_are_notified_of_mentions_replies_and_reactions(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    group = server.add_group(bob)
    alice.post(f"v4/room/{token}/participants", newParticipant=group, source="groups")
    set_level(bob, token, ALWAYS)
    bob.join(token)
    mine = bob.say(token, "mine")
    alice.say(token, "to nobody in particular")
    assert notifications_of(bob) == []
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
    (shown,) = notifications_of(bob)
    assert shown["subject"] == "Alice mentioned you in a private conversation"
    assert shown["subjectRich"] == "{user} mentioned you in a private conversation"


def test_a_level_of_never_holds_for_mentions_in_an_open_room(alice: Person, bob: Person, token: str) -> None:
    set_level(bob, token, NEVER)
    bob.join(token)
    alice.say(token, f"@{bob.id} and @all")
    assert notifications_of(bob) == []


# --- as it was when the message was posted --------------------------------------------------
def test_messages_posted_while_the_room_is_out_of_view_notify(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    state = f"v4/room/{private}/participants/state"
    bob.join(private)
    alice.say(private, "seen")
    bob.put(state, state=0)
    alice.say(private, "missed")
    bob.put(state, state=1)
    alice.say(private, "seen again")
    assert texts(server, bob) == ["missed"]


def test_messages_posted_between_leaving_and_joining_notify(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
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
    set_level(bob, token, ALWAYS)
    alice.say(token, "in time")
    set_level(bob, token, NEVER)
    alice.say(token, f"too late, @{bob.id}")
    assert texts(server, bob) == ["in time"]


def test_archiving_a_room_counts_for_later_messages(server: Server, alice: Person, bob: Person, token: str) -> None:
    set_level(bob, token, ALWAYS)
    alice.say(token, "before")
    bob.post(f"v4/room/{token}/archive")
    alice.say(token, "meanwhile")
    bob.delete(f"v4/room/{token}/archive")
    assert texts(server, bob) == ["before"]


def test_messages_posted_behind_the_lobby_notify_nobody_later(alice: Person, bob: Person, token: str) -> None:
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    alice.say(token, f"inside, @{bob.id}")
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    assert notifications_of(bob) == []
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    alice.say(token, f"inside again, @{bob.id}")
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    assert notifications_of(bob) == []


def test_attendees_added_later_are_not_notified(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    alice.say(token, "@all")
    alice.add(token, bob)
    assert notifications_of(bob) == []
    alice.say(token, "@all again")
    assert texts(server, bob) == ["@all again"]


# --- changes before notifications are listed ------------------------------------------------
def test_a_message_read_at_once_stays_read(alice: Person, bob: Person, private: str) -> None:
    first, second = alice.say(private, "first"), alice.say(private, "second")
    bob.post(f"v1/chat/{private}/read", lastReadMessage=second["id"])
    bob.post(f"v1/chat/{private}/read", lastReadMessage=first["id"])
    assert notifications_of(bob) == []
    third = alice.say(private, "third")
    bob.post(f"v1/chat/{private}/read", lastReadMessage=third["id"])
    bob.delete(f"v1/chat/{private}/read")
    assert notifications_of(bob) == []


@pytest.mark.parametrize("has_joined", [True, False])
def test_polling_dismisses_what_was_posted_before(
    server: Server, alice: Person, bob: Person, private: str, has_joined: bool
) -> None:
    if has_joined:
        bob.join(private)
    said = alice.say(private, f"@{bob.id}")
    poll(bob, private, said["id"], setReadMarker=0)
    assert notifications_of(bob) == []
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
    assert notifications_of(bob) == []
    assert count_stored(server, bob) == 0


def test_messages_deleted_or_cleared_at_once_notify_nobody(
    alice: Person, bob: Person, private: str, token: str
) -> None:
    said = alice.say(private, "gone")
    alice.delete(f"v1/chat/{private}/{said['id']}")
    alice.say(token, f"gone, @{bob.id}")
    alice.delete(f"v1/chat/{token}")
    assert notifications_of(bob) == []


def test_an_edit_at_once_notifies_once(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "for nobody")
    alice.put(f"v1/chat/{token}/{said['id']}", message=f"for @{bob.id}")
    (shown,) = notifications_of(bob)
    bob.delete(f"{PATH}/{shown['notification_id']}")
    assert notifications_of(bob) == []


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
    assert len(notifications_of(bob)) == 2
    bob.join(private)
    assert texts(server, bob) == ["Now!"]


# --- concurrency ----------------------------------------------------------------------------
def test_concurrent_messages_are_listed_once_after_their_answers(
    server: Server, alice: Person, bob: Person, private: str, threads: ThreadPoolExecutor
) -> None:
    dave = server.add_user("dave")
    token = alice.create_room()
    for person in (bob, dave):
        alice.add(token, person)
        set_level(person, token, ALWAYS)

    def write(number: int) -> str:
        room = token if number % 3 else private
        said = alice.say(room, f"{number} @all")
        wanted = f"{room}/{said['id']}"
        for person in (bob, dave) if room == token else (bob,):
            assert wanted in [each["object_id"] for each in notifications_of(person)]
        return wanted

    said = list(threads.map(write, range(24)))
    assert sorted(each["object_id"] for each in notifications_of(bob)) == sorted(said)
    assert count_stored(server, bob) == 24 + 1, "and the invitation"
    assert count_stored(server, dave) == 16 + 1


def test_dismissed_notifications_do_not_come_back_during_concurrent_reads(
    alice: Person, bob: Person, private: str, threads: ThreadPoolExecutor
) -> None:
    """Dismiss everything while others list: the notifications of earlier messages are gone afterwards."""
    for number in range(12):
        alice.say(private, str(number))
        done = [threads.submit(notifications_of, bob) for _ in range(3)]
        done.append(threads.submit(bob.delete, PATH))
        for each in done:
            each.result(30)
        assert notifications_of(bob) == []


def test_concurrent_transactions_create_a_notification_once(
    server: Server, alice: Person, bob: Person, private: str, threads: ThreadPoolExecutor
) -> None:
    alice.say(private, "Hello")

    room_id = alice.room(private)["id"]
    for each in [
        threads.submit(server.write, lambda tx: delivery_service.notify_of_messages(tx, [room_id])) for _ in range(6)
    ]:
        each.result(30)
    assert count_stored(server, bob) == 1
