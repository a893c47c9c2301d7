"""Telling people what happened while they were not looking."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import Server

from talkd.areas.notifications import service
from talkd.areas.notifications.model import MAX_KEPT
from talkd.storage.schema import messages, notifications, rooms
from talkd.storage.statements import Statement, bind

PATH = "/ocs/v2.php/apps/notifications/api/v2/notifications"
ALWAYS, MENTION, NEVER = 1, 2, 3

_KEPT = Statement(sa.select(sa.func.count()).where(notifications.c.user_id == bind("user_id")))
_DAMAGE = Statement(
    sa.update(messages).where(messages.c.id == bind("message_id")).values(parameters=sa.literal_column("'broken'"))
)
_FLOOD = Statement(
    sa.text(
        "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) "
        "INSERT INTO notifications(room_id, user_id, subject, object_type, occasion) "
        "SELECT rooms.id, :user_id, 'call', 'call', number FROM rooms, numbers WHERE token = :token"
    )
)
_SLIP_IN = Statement(
    sa.text(
        "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 50) "
        "INSERT INTO messages(room_id, message, countable) SELECT id, 'No. ' || number, 1 FROM rooms, numbers "
        "WHERE token = :token"
    )
)
_FORGET = Statement(sa.update(rooms).where(rooms.c.token == bind("token")).values(notified_id=0))


def told(server: Server, person: Person) -> list[dict[str, Any]]:
    """What somebody is told once everything was delivered, newest first; without the invitation to the room."""
    server.run(server.app.messenger.deliver())
    shown: list[dict[str, Any]] = person.get(PATH)
    return [each for each in shown if each["object_type"] != "room"]


def subjects(server: Server, person: Person) -> list[str]:
    """Only what they say, newest first."""
    return [each["subject"] for each in told(server, person)]


def kept(server: Server, person: Person) -> int:
    """How many notifications of somebody there are in the database."""

    async def count(tx: Any) -> int:
        return int(await tx.value(_KEPT, user_id=person.id))

    return server.read(count)


def listen(person: Person, token: str, level: int = ALWAYS) -> None:
    """Choose what to hear of."""
    person.post(f"v4/room/{token}/notify", level=level)


def poll(person: Person, token: str, known: int, **params: Any) -> None:
    """Look at the conversation, as an app does that has it open; it has all messages but for the first."""
    person.get(f"v1/chat/{token}", **{"lookIntoFuture": 1, "lastKnownMessageId": known, "timeout": 0, **params})


@pytest.fixture
def private(server: Server, alice: Person, bob: Person) -> str:
    """The conversation of the two alone."""
    token: str = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    return token


# --- what is said ---------------------------------------------------------------------------
def test_a_private_message_is_told(server: Server, alice: Person, bob: Person, private: str) -> None:
    said = alice.say(private, "Hello")
    (shown,) = told(server, bob)
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
    assert told(server, alice) == []


def test_the_level_decides_what_is_told_in_a_group(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "to nobody")
    assert told(server, bob) == []
    listen(bob, token, ALWAYS)
    alice.say(token, "to everybody")
    assert [each["message"] for each in told(server, bob)] == ["to everybody"]
    listen(bob, token, NEVER)
    alice.say(token, f"to @{bob.id} alone")
    assert len(told(server, bob)) == 1
    listen(bob, token, MENTION)
    alice.say(token, f"again to @{bob.id}")
    assert [each["message"] for each in told(server, bob)] == ["again to @Bob", "to everybody"]


def test_the_setting_decides_for_those_who_chose_nothing(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    path = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/default_group_notification"
    admin = Person(server.admin, "admin")
    try:
        admin.post(path, value=str(ALWAYS))
        alice.say(token, "to everybody")
        assert len(told(server, bob)) == 1
        admin.post(path, value=str(NEVER))
        alice.say(token, f"to @{bob.id}")
        assert len(told(server, bob)) == 1
    finally:
        admin.delete(path)


def test_mentions_say_who_was_meant(server: Server, alice: Person, bob: Person, token: str) -> None:
    group = server.add_group(bob)
    alice.say(token, f"@{bob.id}")
    alice.say(token, f'@"group/{group}"')
    alice.say(token, "@all")
    everybody, some, alone = told(server, bob)
    assert alone["subject"] == "Alice mentioned you in conversation Room"
    assert alone["messageRichParameters"]["mention-user1"]["id"] == bob.id
    assert some["subject"] == f"Alice mentioned group {group} in conversation Room"
    assert some["subjectRichParameters"]["group"] == {"type": "user-group", "id": group, "name": group}
    assert everybody["subject"] == "Alice mentioned everyone in conversation Room"
    assert everybody["message"] == "@all"


def test_one_message_is_told_once_and_by_its_nearest_reason(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    listen(bob, token, ALWAYS)
    question = bob.say(token, "What do you think?")
    alice.say(token, f"@{bob.id} and @all: yes", replyTo=question["id"])
    alice.say(token, f"@all and @{bob.id}: no")
    assert subjects(server, bob) == [
        "Alice mentioned you in conversation Room",
        "Alice replied to your message in conversation Room",
    ]


def test_the_newest_message_comes_first_whatever_was_special_about_it(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    said = [alice.say(private, text)["id"] for text in ("plain", f"for @{bob.id}", "plain again", "@all", "plain")]
    assert [each["object_id"] for each in told(server, bob)] == [f"{private}/{number}" for number in reversed(said)]


def test_nothing_is_told_of_silent_messages(server: Server, alice: Person, bob: Person, private: str) -> None:
    alice.say(private, f"psst @{bob.id}", silent=True)
    assert told(server, bob) == []


def test_nothing_is_told_of_what_the_server_reports(server: Server, alice: Person, bob: Person, token: str) -> None:
    listen(bob, token, ALWAYS)
    alice.put(f"v4/room/{token}", roomName="Other")
    assert told(server, bob) == []


def test_guests_are_told_of_as_such(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    guest = server.visitor()
    guest.join(token)
    guest.say(token, f"@{alice.id}")
    assert subjects(server, alice) == ["A guest mentioned you in conversation Room"]
    guest.post(f"v1/guest/{token}/name", displayName="Gus")
    (named,) = told(server, alice)
    assert named["subject"] == "Gus (guest) mentioned you in conversation Room"
    assert named["subjectRich"] == "{guest} (guest) mentioned you in conversation {call}"


# --- who is not told ------------------------------------------------------------------------
def test_who_is_looking_is_not_told(server: Server, alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "first")
    told(server, bob)
    bob.join(private)
    alice.say(private, "seen")
    assert [each["message"] for each in told(server, bob)] == ["first"]
    bob.put(f"v4/room/{private}/participants/state", state=0)
    alice.say(private, "not seen")
    assert [each["message"] for each in told(server, bob)] == ["not seen", "first"]


def test_archived_conversations_only_tell_who_was_meant(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    listen(bob, token, ALWAYS)
    bob.post(f"v4/room/{token}/archive")
    alice.say(token, "to all")
    alice.say(token, "@all")
    assert told(server, bob) == []
    alice.say(token, f"@{bob.id}")
    assert len(told(server, bob)) == 1


def test_sensitive_conversations_do_not_tell_what_was_said(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    alice.say(private, f"the secret of @{bob.id}")
    bob.post(f"v4/room/{private}/sensitive")
    (shown,) = told(server, bob)
    assert (shown["message"], shown["messageRich"], shown["messageRichParameters"]) == ("", "", {})
    assert shown["subject"] == "Alice mentioned you in a private conversation"


def test_the_lobby_keeps_what_is_inside(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"before, @{bob.id}")
    assert len(told(server, bob)) == 1
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    alice.say(token, f"inside, @{bob.id}")
    assert told(server, bob) == []
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    assert [each["message"] for each in told(server, bob)] == ["before, @Bob"]


def test_who_was_removed_is_told_nothing(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"@{bob.id}")
    told(server, bob)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert told(server, bob) == []
    assert kept(server, bob) == 0
    alice.add(token, bob)
    assert told(server, bob) == []


# --- what need not be told any more ---------------------------------------------------------
def test_what_was_read_is_told_no_more(server: Server, alice: Person, bob: Person, private: str) -> None:
    first, second = alice.say(private, "first"), alice.say(private, "second")
    assert len(told(server, bob)) == 2
    bob.post(f"v1/chat/{private}/read", lastReadMessage=first["id"])
    assert [each["message"] for each in told(server, bob)] == ["second"]
    bob.post(f"v1/chat/{private}/read", lastReadMessage=second["id"])
    assert told(server, bob) == []
    bob.delete(f"v1/chat/{private}/read")
    assert told(server, bob) == []


def test_opening_the_conversation_is_enough(server: Server, alice: Person, bob: Person, token: str) -> None:
    listen(bob, token, ALWAYS)
    said = bob.say(token, "Lunch?")
    alice.post(f"v1/reaction/{token}/{said['id']}", reaction="👍")
    alice.say(token, "Now!")
    assert len(told(server, bob)) == 2
    poll(bob, token, said["id"], setReadMarker=0, markNotificationsAsRead=0)
    assert len(told(server, bob)) == 2
    poll(bob, token, said["id"], setReadMarker=0)
    assert told(server, bob) == []


def test_whoever_marks_everything_as_read_is_told_of_no_reaction_either(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    listen(bob, token, ALWAYS)
    said, last = bob.say(token, "Lunch?"), alice.say(token, "Now!")
    path = f"v1/reaction/{token}/{said['id']}"
    alice.post(path, reaction="👍")
    bob.post(f"v1/chat/{token}/read", lastReadMessage=said["id"])
    assert len(told(server, bob)) == 2
    bob.post(f"v1/chat/{token}/read", lastReadMessage=last["id"])
    assert told(server, bob) == []
    alice.post(path, reaction="🎉")
    assert len(told(server, bob)) == 1
    bob.post(f"v1/chat/{token}/read")
    assert told(server, bob) == []


def test_an_app_of_2018_opens_it_too(server: Server, alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "Lunch?")
    assert len(told(server, bob)) == 1
    bob.get(f"v1/chat/{private}", timeout=0)
    assert told(server, bob) == []


def test_a_conversation_nobody_looks_at_does_not_count_as_opened(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    bob.join(private)
    bob.put(f"v4/room/{private}/participants/state", state=0)
    said = alice.say(private, "Hello")
    assert len(told(server, bob)) == 1
    poll(bob, private, said["id"] - 1, setReadMarker=0)
    assert len(told(server, bob)) == 1
    bob.put(f"v4/room/{private}/participants/state", state=1)
    poll(bob, private, said["id"] - 1, setReadMarker=0)
    assert told(server, bob) == []


def test_deleted_messages_are_told_no_more(server: Server, alice: Person, bob: Person, private: str) -> None:
    said, late = alice.say(private, "first"), alice.say(private, "second")
    assert len(told(server, bob)) == 2
    alice.delete(f"v1/chat/{private}/{said['id']}")
    assert [each["message"] for each in told(server, bob)] == ["second"]
    alice.delete(f"v1/chat/{private}/{late['id']}")
    assert kept(server, bob) == 0


def test_with_the_history_goes_what_was_told_of_it(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"@{bob.id}")
    assert len(told(server, bob)) == 1
    alice.delete(f"v1/chat/{token}")
    assert told(server, bob) == []


def test_with_the_conversation_goes_what_was_told_of_it(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    alice.say(token, f"@{bob.id}")
    assert len(told(server, bob)) == 1
    alice.delete(f"v4/room/{token}")
    assert bob.get(PATH) == []
    assert kept(server, bob) == 0


def test_edited_messages_are_told_as_they_are_now(server: Server, alice: Person, bob: Person, token: str) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    said = alice.say(token, f"for @{bob.id}")
    assert len(told(server, bob)) == 1
    alice.put(f"v1/chat/{token}/{said['id']}", message=f"rather for @{carol.id}")
    assert told(server, bob) == []
    assert [each["message"] for each in told(server, carol)] == ["rather for @Carol"]
    alice.put(f"v1/chat/{token}/{said['id']}", message="for @all")
    assert subjects(server, bob) == subjects(server, carol) == ["Alice mentioned everyone in conversation Room"]
    alice.put(f"v1/chat/{token}/{said['id']}", message="for nobody")
    assert told(server, bob) == told(server, carol) == []


def test_who_is_not_named_any_more_is_told_what_else_the_message_is(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    listen(bob, token, ALWAYS)
    group = server.add_group(carol)
    said = alice.say(token, f'for @{bob.id}, @{carol.id}, @"group/{group}" and @all')
    assert subjects(server, bob) == subjects(server, carol) == ["Alice mentioned you in conversation Room"]
    path = f"v1/chat/{token}/{said['id']}"
    alice.put(path, message=f'for @"group/{group}" and @all')
    assert subjects(server, bob) == ["Alice mentioned everyone in conversation Room"]
    assert subjects(server, carol) == [f"Alice mentioned group {group} in conversation Room"]
    alice.put(path, message="for nobody in particular")
    (shown,) = told(server, bob)
    assert shown["subject"] == "Alice sent a message in conversation Room"
    assert told(server, carol) == []
    bob.delete(f"{PATH}/{shown['notification_id']}")
    alice.put(path, message="for nobody at all")
    assert told(server, bob) == []


def test_seen_mentions_do_not_come_back_with_an_edit(server: Server, alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, f"for @{bob.id}")
    (shown,) = told(server, bob)
    bob.delete(f"{PATH}/{shown['notification_id']}")
    alice.put(f"v1/chat/{token}/{said['id']}", message=f"still for @{bob.id}")
    assert told(server, bob) == []


# --- reactions ------------------------------------------------------------------------------
def test_reactions_are_told_to_the_author_who_wants_to_hear_everything(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    said = alice.say(token, "Lunch?")
    path = f"v1/reaction/{token}/{said['id']}"
    bob.post(path, reaction="🎉")
    assert told(server, alice) == []
    listen(alice, token, ALWAYS)
    alice.post(path, reaction="👍")
    bob.post(path, reaction="👍")
    (shown,) = told(server, alice)
    assert shown["subject"] == "Bob reacted with 👍 to your message in conversation Room"
    assert shown["subjectRichParameters"]["reaction"] == {"type": "highlight", "id": "👍", "name": "👍"}
    assert (shown["message"], shown["object_id"]) == ("Lunch?", f"{token}/{said['id']}")
    bob.delete(path, reaction="👍")
    assert told(server, alice) == []


# --- calls ----------------------------------------------------------------------------------
def call_of(person: Person) -> list[dict[str, Any]]:
    """What somebody is told of calls."""
    return [each for each in person.get(PATH) if each["object_type"] == "call"]


def test_a_call_rings_until_it_is_answered_or_missed(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    alice.say(private, "Hello")
    alice.join(private)
    alice.post(f"v4/call/{private}")
    (ringing,) = call_of(bob)
    assert (ringing["object_id"], ringing["subject"]) == (private, "Alice would like to talk with you")
    assert ringing["actions"] == [
        {"label": "Answer call", "link": f"{server.url}/call/{private}#direct-call", "type": "WEB", "primary": True}
    ]
    assert call_of(alice) == []
    alice.delete(f"v4/call/{private}")
    (missed,) = call_of(bob)
    assert missed["subject"] == "You missed a call from Alice"
    assert missed["actions"][0]["label"] == "Call back"
    alice.post(f"v4/call/{private}")
    (again,) = call_of(bob)
    assert again["notification_id"] > missed["notification_id"]
    bob.join(private)
    bob.post(f"v4/call/{private}")
    assert call_of(bob) == []


def test_calls_are_told_to_those_who_want_to_hear_of_them(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    carol, dave, erin = (server.add_user(name) for name in ("carol", "dave", "erin"))
    for person in (carol, dave, erin):
        alice.add(token, person)
    carol.post(f"v4/room/{token}/notify-calls", level=0)
    dave.post(f"v4/room/{token}/archive")
    alice.join(token)
    alice.post(f"v4/call/{token}", silentFor=[erin.id])
    assert [each["subject"] for each in call_of(bob)] == ["A group call has started in Room"]
    assert call_of(carol) == call_of(dave) == call_of(erin) == []
    alice.delete(f"v4/call/{token}")
    assert [each["subject"] for each in call_of(bob)] == ["You missed a group call in Room"]


def test_silent_calls_are_told_to_nobody(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.join(token)
    alice.post(f"v4/call/{token}", silent=True)
    assert call_of(bob) == []


def test_somebody_can_be_rung(server: Server, alice: Person, bob: Person, token: str) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    bob.post(f"v4/room/{token}/notify-calls", level=0)
    path = f"v4/call/{token}/ring/{alice.attendee(token, bob)}"
    alice.join(token)
    assert alice.refused("POST", path) == (400, "in-call")
    alice.post(f"v4/call/{token}", silent=True)
    assert carol.refused("POST", path) == (400, "in-call")
    alice.post(path)
    (first,) = call_of(bob)
    alice.post(path)
    (second,) = call_of(bob)
    assert second["notification_id"] > first["notification_id"]
    assert call_of(carol) == []
    bob.join(token)
    bob.post(f"v4/call/{token}")
    alice.post(path)
    assert call_of(bob) == []


def test_only_accounts_can_be_rung_and_only_by_who_may_start_calls(
    server: Server, alice: Person, bob: Person
) -> None:
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    guest = server.visitor()
    guest_id = guest.join(token)["actorId"]
    for person in (alice, bob):
        person.join(token)
        person.post(f"v4/call/{token}", silent=True)
    ring = f"v4/call/{token}/ring"
    assert alice.refused("POST", f"{ring}/{alice.attendee(token, guest_id)}") == (400, "actor-type")
    assert alice.status("POST", f"{ring}/999999") == 404
    elsewhere = alice.create_room()
    alice.add(elsewhere, bob)
    assert alice.status("POST", f"{ring}/{alice.attendee(elsewhere, bob)}") == 404
    alice.put(f"v4/room/{token}/permissions/default", permissions=1 | 4 | 128)
    assert bob.status("POST", f"{ring}/{alice.attendee(token, alice)}") == 403


# --- invitations ----------------------------------------------------------------------------
def invitations(person: Person) -> list[str]:
    """What somebody is told of conversations he was put into."""
    return [each["subject"] for each in person.get(PATH) if each["object_type"] == "room"]


def test_invitations_are_told_until_the_conversation_is_opened(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    assert invitations(bob) == ["Alice invited you to a group conversation: Room"]
    assert bob.get(PATH)[0]["object_id"] == token
    assert invitations(alice) == []
    bob.join(token)
    assert invitations(bob) == []


def test_who_comes_by_himself_is_not_invited(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    bob.join(token)
    assert bob.get(PATH) == []


# --- the API --------------------------------------------------------------------------------
def test_there_is_nothing_to_tell_newcomers(server: Server) -> None:
    answer = server.add_user("new").request("GET", PATH)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, [])


def test_what_is_known_is_not_sent_again(server: Server, alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "Hello")
    told(server, bob)
    first = bob.request("GET", PATH)
    known = {"If-None-Match": first.headers["etag"]}
    again = bob.http.get(PATH, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    alice.say(private, "More")
    told(server, bob)
    assert bob.http.get(PATH, headers=known).status_code == 200


def test_notifications_can_be_dismissed(server: Server, alice: Person, bob: Person, private: str) -> None:
    for number in range(3):
        alice.say(private, str(number))
    numbers = [each["notification_id"] for each in told(server, bob)]
    assert bob.post(f"{PATH}/exists", ids=[*numbers, 999_999_999]) == sorted(numbers)
    assert bob.delete(f"{PATH}/{numbers[0]}") is None
    assert bob.status("DELETE", f"{PATH}/{numbers[0]}") == 200
    assert bob.refused("GET", f"{PATH}/{numbers[0]}") == (404, None)
    assert bob.post(f"{PATH}/exists", ids=numbers) == sorted(numbers[1:])
    bob.delete(PATH)
    assert bob.get(PATH) == []
    assert bob.status("POST", f"{PATH}/exists", ids=list(range(201))) == 400


def test_notifications_are_ones_own(server: Server, alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "Hello")
    (shown,) = told(server, bob)
    number = shown["notification_id"]
    assert alice.refused("GET", f"{PATH}/{number}") == (404, None)
    assert alice.post(f"{PATH}/exists", ids=[number]) == []
    alice.delete(f"{PATH}/{number}")
    alice.delete(PATH)
    assert len(told(server, bob)) == 1
    assert server.visitor().status("GET", PATH) == 401


def test_an_account_made_anew_does_not_speak_in_old_notifications(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    bob.say(token, f"@{alice.id}")
    told(server, alice)
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    (shown,) = told(server, alice)
    assert shown["subject"] == "A deleted user mentioned you in conversation Room"
    assert "user" not in shown["subjectRichParameters"]


# --- keeping it in bounds, and keeping it ---------------------------------------------------
def test_no_more_is_kept_than_anybody_looks_through(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    said = [alice.say(private, str(number)) for number in range(MAX_KEPT + 3)]
    assert [each["message"] for each in told(server, bob)] == [str(MAX_KEPT + 2 - n) for n in range(25)]
    server.run(server.app.messenger.tidy())
    assert kept(server, bob) == MAX_KEPT
    bob.post(f"v1/chat/{private}/read", lastReadMessage=said[-2]["id"])
    alice.say(private, "one more")
    told(server, bob)
    server.run(server.app.messenger.tidy())
    assert kept(server, bob) == 2


def test_cleaning_up_after_a_flood_is_no_matter_of_seconds(sqlite_server: Server) -> None:
    alice, bob = (sqlite_server.add_user(name) for name in ("alice", "bob"))
    flooded: str = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]

    async def flood(tx: Any) -> None:
        await tx.run(_FLOOD, token=flooded, user_id=bob.id)

    sqlite_server.write(flood)
    began = time.process_time()
    sqlite_server.write(lambda tx: service.tidy(tx, [bob.id]))
    assert time.process_time() - began < 1
    assert kept(sqlite_server, bob) == MAX_KEPT


def test_what_was_not_told_before_a_crash_is_told_afterwards(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    alice.say(private, "Hello")
    (before,) = told(server, bob)
    bob.delete(PATH)

    async def forget(tx: Any) -> None:
        await tx.run(_FORGET, token=private)

    server.write(forget)  # as if the process had died right after the message was stored
    assert told(server, bob) == []
    server.run(server.app.messenger.resume())
    (after,) = told(server, bob)
    assert after["object_id"] == before["object_id"]
    server.run(server.app.messenger.resume())
    assert [each["notification_id"] for each in told(server, bob)] == [after["notification_id"]]


def test_a_broken_message_keeps_no_other_waiting(
    server: Server, alice: Person, bob: Person, private: str, token: str
) -> None:
    first, broken, last = (alice.say(token, f"{word} @{bob.id}") for word in ("first", "broken", "last"))
    assert len(told(server, bob)) == 3
    bob.delete(PATH)

    async def damage(tx: Any) -> None:
        await tx.run(_DAMAGE, message_id=broken["id"])
        await tx.run(_FORGET, token=token)

    server.write(damage)
    server.run(server.app.messenger.resume())
    elsewhere = alice.say(private, "Hello")
    assert [each["object_id"].split("/")[1] for each in told(server, bob)] == [
        str(said["id"]) for said in (elsewhere, last, first)
    ]


def test_messages_that_the_room_knows_nothing_of_keep_nobody_busy(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    async def slip_in(tx: Any) -> None:
        await tx.run(_SLIP_IN, token=private)
        await tx.run(_FORGET, token=private)

    alice.say(private, "Hello")
    server.write(slip_in)
    server.run(server.app.messenger.resume())
    assert subjects(server, bob) == ["Alice sent you a private message"]
    alice.say(private, "And now?")
    told(server, bob)
    assert kept(server, bob) == 52


def test_while_many_write_everything_is_told_once(
    server: Server, alice: Person, bob: Person, private: str, threads: ThreadPoolExecutor
) -> None:
    def write(number: int) -> str:
        said = alice.say(private, str(number))
        server.run(server.app.messenger.deliver())
        return f"{private}/{said['id']}"

    said = list(threads.map(write, range(24)))
    assert sorted(each["object_id"] for each in told(server, bob)) == sorted(said)
