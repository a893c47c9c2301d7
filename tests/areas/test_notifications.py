"""Notifications of messages and reactions."""

from support.notifications import (
    ALWAYS,
    MENTION,
    NEVER,
    PATH,
    count_stored,
    notifications_of,
    poll,
    set_level,
    subjects,
)
from support.people import PUBLIC, Person
from support.running import Server


# --- content --------------------------------------------------------------------------------
def test_a_private_message_notifies_the_other_user(server: Server, alice: Person, bob: Person, private: str) -> None:
    said = alice.say(private, "Hello")
    (shown,) = notifications_of(bob)
    number = shown.pop("notification_id")
    assert isinstance(number, int)
    assert shown.pop("datetime").endswith("+00:00")
    call = shown["subjectRichParameters"].pop("call")
    assert (call["type"], call["name"], call["call-type"]) == ("call", "Alice", "one2one")
    assert call["link"] == f"{server.url}/call/{private}"
    assert shown == {
        "app": "spreed",
        "user": bob.id,
        "object_type": "chat",
        "object_id": f"{private}/{said['id']}",
        "subject": "Alice sent you a private message",
        "message": "Hello",
        "link": f"{server.url}/call/{private}#message_{said['id']}",
        "subjectRich": "{user} sent you a private message",
        "subjectRichParameters": {"user": {"type": "user", "id": alice.id, "name": "Alice"}},
        "messageRich": "Hello",
        "messageRichParameters": {},
        "icon": f"{server.url}/static/logo.svg",
        "shouldNotify": True,
        "actions": [
            {
                "label": "View chat",
                "link": f"{server.url}/call/{private}#message_{said['id']}",
                "type": "WEB",
                "primary": False,
            }
        ],
    }
    assert bob.get(f"{PATH}/{number}")["object_id"] == f"{private}/{said['id']}"
    assert notifications_of(alice) == []


def test_the_notification_level_decides_in_groups(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "to nobody")
    assert notifications_of(bob) == []
    set_level(bob, token, ALWAYS)
    alice.say(token, "to everybody")
    assert [each["message"] for each in notifications_of(bob)] == ["to everybody"]
    set_level(bob, token, NEVER)
    alice.say(token, f"to @{bob.id} alone")
    assert len(notifications_of(bob)) == 1
    set_level(bob, token, MENTION)
    alice.say(token, f"again to @{bob.id}")
    assert [each["message"] for each in notifications_of(bob)] == ["again to @Bob", "to everybody"]


def test_a_setting_is_the_default_level_in_groups(server: Server, alice: Person, bob: Person, token: str) -> None:
    path = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/default_group_notification"
    admin = Person(server.admin, "admin")
    try:
        admin.post(path, value=str(ALWAYS))
        alice.say(token, "to everybody")
        assert len(notifications_of(bob)) == 1
        admin.post(path, value=str(NEVER))
        alice.say(token, f"to @{bob.id}")
        assert len(notifications_of(bob)) == 1
    finally:
        admin.delete(path)


def test_the_subject_says_who_was_mentioned(server: Server, alice: Person, bob: Person, token: str) -> None:
    group = server.add_group(bob)
    alice.say(token, f"@{bob.id}")
    alice.say(token, f'@"group/{group}"')
    alice.say(token, "@all")
    everybody, some, alone = notifications_of(bob)
    assert alone["subject"] == "Alice mentioned you in conversation Room"
    assert alone["messageRichParameters"]["mention-user1"]["id"] == bob.id
    assert some["subject"] == f"Alice mentioned group {group} in conversation Room"
    assert some["subjectRichParameters"]["group"] == {"type": "user-group", "id": group, "name": group}
    assert everybody["subject"] == "Alice mentioned everyone in conversation Room"
    assert everybody["message"] == "@all"


def test_a_message_notifies_once_and_for_the_strongest_reason(alice: Person, bob: Person, token: str) -> None:
    set_level(bob, token, ALWAYS)
    question = bob.say(token, "What do you think?")
    alice.say(token, f"@{bob.id} and @all: yes", replyTo=question["id"])
    alice.say(token, f"@all and @{bob.id}: no")
    assert subjects(bob) == [
        "Alice mentioned you in conversation Room",
        "Alice replied to your message in conversation Room",
    ]


def test_notifications_come_newest_first_whatever_their_kind(alice: Person, bob: Person, private: str) -> None:
    said = [alice.say(private, text)["id"] for text in ("plain", f"for @{bob.id}", "plain again", "@all", "plain")]
    assert [each["object_id"] for each in notifications_of(bob)] == [f"{private}/{number}" for number in reversed(said)]


def test_silent_messages_notify_nobody(alice: Person, bob: Person, private: str) -> None:
    alice.say(private, f"psst @{bob.id}", silent=True)
    assert notifications_of(bob) == []


def test_system_messages_notify_nobody(alice: Person, bob: Person, token: str) -> None:
    set_level(bob, token, ALWAYS)
    alice.put(f"v4/room/{token}", roomName="Other")
    assert notifications_of(bob) == []


def test_the_subject_marks_guests(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    guest = server.visitor()
    guest.join(token)
    guest.say(token, f"@{alice.id}")
    assert subjects(alice) == ["A guest mentioned you in conversation Room"]
    guest.post(f"v1/guest/{token}/name", displayName="Gus")
    (named,) = notifications_of(alice)
    assert named["subject"] == "Gus (guest) mentioned you in conversation Room"
    assert named["subjectRich"] == "{guest} (guest) mentioned you in conversation {call}"


# --- who is not notified --------------------------------------------------------------------
def test_users_with_the_room_in_view_are_not_notified(alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "first")
    notifications_of(bob)
    bob.join(private)
    alice.say(private, "seen")
    assert [each["message"] for each in notifications_of(bob)] == ["first"]
    bob.put(f"v4/room/{private}/participants/state", state=0)
    alice.say(private, "not seen")
    assert [each["message"] for each in notifications_of(bob)] == ["not seen", "first"]


def test_archived_rooms_notify_only_of_direct_mentions(alice: Person, bob: Person, token: str) -> None:
    set_level(bob, token, ALWAYS)
    bob.post(f"v4/room/{token}/archive")
    alice.say(token, "to all")
    alice.say(token, "@all")
    assert notifications_of(bob) == []
    alice.say(token, f"@{bob.id}")
    assert len(notifications_of(bob)) == 1


def test_the_lobby_hides_notifications(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"before, @{bob.id}")
    assert len(notifications_of(bob)) == 1
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    alice.say(token, f"inside, @{bob.id}")
    assert notifications_of(bob) == []
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    assert [each["message"] for each in notifications_of(bob)] == ["before, @Bob"]


def test_removed_attendees_lose_their_notifications(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"@{bob.id}")
    notifications_of(bob)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert notifications_of(bob) == []
    assert count_stored(server, bob) == 0
    alice.add(token, bob)
    assert notifications_of(bob) == []


# --- when notifications go away -------------------------------------------------------------
def test_reading_messages_removes_their_notifications(alice: Person, bob: Person, private: str) -> None:
    first, second = alice.say(private, "first"), alice.say(private, "second")
    assert len(notifications_of(bob)) == 2
    bob.post(f"v1/chat/{private}/read", lastReadMessage=first["id"])
    assert [each["message"] for each in notifications_of(bob)] == ["second"]
    bob.post(f"v1/chat/{private}/read", lastReadMessage=second["id"])
    assert notifications_of(bob) == []
    bob.delete(f"v1/chat/{private}/read")
    assert notifications_of(bob) == []


def test_opening_the_room_removes_its_notifications(alice: Person, bob: Person, token: str) -> None:
    set_level(bob, token, ALWAYS)
    said = bob.say(token, "Lunch?")
    alice.post(f"v1/reaction/{token}/{said['id']}", reaction="👍")
    alice.say(token, "Now!")
    assert len(notifications_of(bob)) == 2
    poll(bob, token, said["id"], setReadMarker=0, markNotificationsAsRead=0)
    assert len(notifications_of(bob)) == 2
    poll(bob, token, said["id"], setReadMarker=0)
    assert notifications_of(bob) == []


def test_marking_everything_as_read_removes_notifications_of_reactions(alice: Person, bob: Person, token: str) -> None:
    set_level(bob, token, ALWAYS)
    said, last = bob.say(token, "Lunch?"), alice.say(token, "Now!")
    path = f"v1/reaction/{token}/{said['id']}"
    alice.post(path, reaction="👍")
    bob.post(f"v1/chat/{token}/read", lastReadMessage=said["id"])
    assert len(notifications_of(bob)) == 2
    bob.post(f"v1/chat/{token}/read", lastReadMessage=last["id"])
    assert notifications_of(bob) == []
    alice.post(path, reaction="🎉")
    assert len(notifications_of(bob)) == 1
    bob.post(f"v1/chat/{token}/read")
    assert notifications_of(bob) == []


def test_a_request_of_a_2018_app_removes_notifications(alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "Lunch?")
    assert len(notifications_of(bob)) == 1
    bob.get(f"v1/chat/{private}", timeout=0)
    assert notifications_of(bob) == []


def test_polling_with_an_inactive_session_keeps_notifications(alice: Person, bob: Person, private: str) -> None:
    bob.join(private)
    bob.put(f"v4/room/{private}/participants/state", state=0)
    said = alice.say(private, "Hello")
    assert len(notifications_of(bob)) == 1
    poll(bob, private, said["id"] - 1, setReadMarker=0)
    assert len(notifications_of(bob)) == 1
    bob.put(f"v4/room/{private}/participants/state", state=1)
    poll(bob, private, said["id"] - 1, setReadMarker=0)
    assert notifications_of(bob) == []


def test_deleting_a_message_removes_its_notifications(server: Server, alice: Person, bob: Person, private: str) -> None:
    said, late = alice.say(private, "first"), alice.say(private, "second")
    assert len(notifications_of(bob)) == 2
    alice.delete(f"v1/chat/{private}/{said['id']}")
    assert [each["message"] for each in notifications_of(bob)] == ["second"]
    alice.delete(f"v1/chat/{private}/{late['id']}")
    assert count_stored(server, bob) == 0


def test_clearing_the_history_removes_its_notifications(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"@{bob.id}")
    assert len(notifications_of(bob)) == 1
    alice.delete(f"v1/chat/{token}")
    assert notifications_of(bob) == []


def test_deleting_a_room_removes_its_notifications(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"@{bob.id}")
    assert len(notifications_of(bob)) == 1
    alice.delete(f"v4/room/{token}")
    assert bob.get(PATH) == []
    assert count_stored(server, bob) == 0


def test_an_edit_moves_notifications_to_the_new_mentions(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    said = alice.say(token, f"for @{bob.id}")
    assert len(notifications_of(bob)) == 1
    alice.put(f"v1/chat/{token}/{said['id']}", message=f"rather for @{carol.id}")
    assert notifications_of(bob) == []
    assert [each["message"] for each in notifications_of(carol)] == ["rather for @Carol"]
    alice.put(f"v1/chat/{token}/{said['id']}", message="for @all")
    assert subjects(bob) == subjects(carol) == ["Alice mentioned everyone in conversation Room"]
    alice.put(f"v1/chat/{token}/{said['id']}", message="for nobody")
    assert notifications_of(bob) == notifications_of(carol) == []


def test_a_dropped_mention_leaves_the_next_weaker_notification(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    set_level(bob, token, ALWAYS)
    group = server.add_group(carol)
    said = alice.say(token, f'for @{bob.id}, @{carol.id}, @"group/{group}" and @all')
    assert subjects(bob) == subjects(carol) == ["Alice mentioned you in conversation Room"]
    path = f"v1/chat/{token}/{said['id']}"
    alice.put(path, message=f'for @"group/{group}" and @all')
    assert subjects(bob) == ["Alice mentioned everyone in conversation Room"]
    assert subjects(carol) == [f"Alice mentioned group {group} in conversation Room"]
    alice.put(path, message="for nobody in particular")
    (shown,) = notifications_of(bob)
    assert shown["subject"] == "Alice sent a message in conversation Room"
    assert notifications_of(carol) == []
    bob.delete(f"{PATH}/{shown['notification_id']}")
    alice.put(path, message="for nobody at all")
    assert notifications_of(bob) == []


def test_an_edit_does_not_bring_back_a_dismissed_mention(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, f"for @{bob.id}")
    (shown,) = notifications_of(bob)
    bob.delete(f"{PATH}/{shown['notification_id']}")
    alice.put(f"v1/chat/{token}/{said['id']}", message=f"still for @{bob.id}")
    assert notifications_of(bob) == []


# --- reactions ------------------------------------------------------------------------------
def test_reactions_notify_authors_with_the_level_always(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    path = f"v1/reaction/{token}/{said['id']}"
    bob.post(path, reaction="🎉")
    assert notifications_of(alice) == []
    set_level(alice, token, ALWAYS)
    alice.post(path, reaction="👍")
    bob.post(path, reaction="👍")
    (shown,) = notifications_of(alice)
    assert shown["subject"] == "Bob reacted with 👍 to your message in conversation Room"
    assert shown["subjectRichParameters"]["reaction"] == {"type": "highlight", "id": "👍", "name": "👍"}
    assert (shown["message"], shown["object_id"]) == ("Lunch?", f"{token}/{said['id']}")
    bob.delete(path, reaction="👍")
    assert notifications_of(alice) == []
