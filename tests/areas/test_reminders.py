"""Reminders of messages."""

import asyncio
import time
from typing import Any

import pytest
import sqlalchemy as sa

from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.areas.chat import change_service
from talkd.areas.reminders import service
from talkd.areas.reminders.model import MAX_SET
from talkd.conversation import access
from talkd.conversation.room import CHANGELOG_NAME
from talkd.core import clock
from talkd.core.constants import RoomType
from talkd.storage.database import Tx
from talkd.storage.statements import Statement

PATH = "/ocs/v2.php/apps/notifications/api/v2/notifications"
UPCOMING = "v1/chat/upcoming-reminders"
_WAITING = Statement(sa.text("SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1"))


def reminder(token: str, message: dict[str, Any]) -> str:
    """Return the path of a message's reminder."""
    return f"v1/chat/{token}/{message['id']}/reminder"


def reminded(server: Server, person: Person) -> list[dict[str, Any]]:
    """Deliver the due reminders and list the user's notifications of them, newest first."""
    server.run_job("deliver_reminders")
    return [each for each in person.get(PATH) if each["object_type"] == "reminder"]


def in_an_hour() -> int:
    return int(time.time()) + 3600


def test_a_due_reminder_notifies_the_user(
    server: Server, alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = alice.say(token, f"Do not forget, @{bob.id}!")
    bob.post(f"v1/chat/{token}/read")
    path, later = reminder(token, said), in_an_hour()
    assert bob.post(path, timestamp=later) == {
        "userId": bob.id,
        "token": token,
        "messageId": said["id"],
        "timestamp": later,
    }
    assert reminded(server, bob) == []
    monkeypatch.setattr(clock, "source", lambda: time.time() + 3601)
    (shown,) = reminded(server, bob)
    assert shown["object_id"] == f"{token}/{said['id']}"
    assert shown["subject"] == "Reminder: Alice in conversation Room"
    assert shown["message"] == "Do not forget, @Bob!"
    view, dismiss = shown["actions"]
    assert view["link"] == f"{server.url}/call/{token}#message_{said['id']}"
    assert (dismiss["type"], dismiss["link"]) == ("DELETE", f"{server.url}/ocs/v2.php/apps/spreed/api/{path}")
    assert bob.refused("GET", path) == (404, "reminder")
    bob.delete(dismiss["link"].removeprefix(server.url))
    assert reminded(server, bob) == []


def test_in_a_one_to_one_room_a_reminder_names_the_other_user_once(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    bob.join(private)
    said = alice.say(private, "Hello")
    for person in (alice, bob):
        person.post(reminder(private, said), timestamp=1)
    assert [each["subject"] for each in reminded(server, alice)] == ["Reminder: You in private conversation Bob"]
    assert [each["subject"] for each in reminded(server, bob)] == ["Reminder: Alice in private conversation"]
    server.admin.delete(f"/ocs/v2.php/cloud/users/{alice.id}").raise_for_status()
    (shown,) = reminded(server, bob)
    assert shown["subject"] == "Reminder: A deleted user in private conversation Alice"


def test_reminders_stay_after_the_other_user_was_deleted(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    said = alice.say(private, "Hello")
    alice.post(reminder(private, said), timestamp=1)
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    assert [each["subject"] for each in reminded(server, alice)] == ["Reminder: You in private conversation Bob"]


def test_reminders_of_guests_messages_name_the_guest(server: Server, alice: Person) -> None:
    token, guest = alice.create_room(PUBLIC), server.visitor()
    guest.join(token)
    said = guest.say(token, "Hello")
    alice.post(reminder(token, said), timestamp=1)
    assert [each["subject"] for each in reminded(server, alice)] == ["Reminder: A guest in conversation Room"]
    guest.post(f"v1/guest/{token}/name", displayName="Gus")
    assert [each["subject"] for each in reminded(server, alice)] == ["Reminder: Gus (guest) in conversation Room"]


def test_a_reminder_in_the_changelog_has_its_shown_name(server: Server) -> None:
    newcomer = server.add_user("newcomer")
    (news,) = (room for room in newcomer.get("v4/room") if room["type"] == RoomType.CHANGELOG)
    newest, *_ = newcomer.get(f"v1/chat/{news['token']}", lookIntoFuture=0)
    newcomer.post(reminder(news["token"], newest), timestamp=1)
    (shown,) = reminded(server, newcomer)
    assert shown["subjectRichParameters"]["call"]["name"] == news["displayName"] == CHANGELOG_NAME


def test_a_time_in_the_past_is_due_at_once(server: Server, alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Hello")
    alice.post(reminder(token, said), timestamp=1)
    (shown,) = reminded(server, alice)
    assert shown["subject"] == "Reminder: You in conversation Room"
    alice.post(reminder(token, said), timestamp=2)
    (again,) = reminded(server, alice)
    assert again["notification_id"] > shown["notification_id"]
    assert reminded(server, bob) == []


def test_upcoming_reminders_are_listed(server: Server, alice: Person, bob: Person, token: str) -> None:
    private = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    second, first = alice.say(token, f"for @{bob.id}"), alice.say(private, "between us")
    later = in_an_hour()
    bob.post(reminder(token, second), timestamp=later + 10)
    bob.post(reminder(private, first), timestamp=later)
    listed = bob.get(UPCOMING)
    assert [each["messageId"] for each in listed] == [first["id"], second["id"]]
    parameters = listed[1].pop("messageParameters")
    assert parameters["mention-user1"]["id"] == bob.id
    assert listed[1] == {
        "reminderTimestamp": later + 10,
        "roomToken": token,
        "messageId": second["id"],
        "actorType": "users",
        "actorId": alice.id,
        "actorDisplayName": "Alice",
        "message": "for {mention-user1}",
    }
    bob.post(f"v4/room/{private}/sensitive")
    assert bob.get(UPCOMING)[0]["message"] == ""
    assert alice.get(UPCOMING) == []


def test_the_lobby_hides_reminders(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Hello")
    bob.post(reminder(token, said), timestamp=in_an_hour())
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    assert bob.get(UPCOMING) == []
    assert bob.status("GET", reminder(token, said)) == 412
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    assert len(bob.get(UPCOMING)) == 1


def test_deleted_and_cleared_messages_have_no_reminders(server: Server, alice: Person, bob: Person, token: str) -> None:
    deleted, cleared = alice.say(token, "first"), alice.say(token, "second")
    for said in (deleted, cleared):
        bob.post(reminder(token, said), timestamp=in_an_hour())
    alice.delete(f"v1/chat/{token}/{deleted['id']}")
    assert [each["messageId"] for each in bob.get(UPCOMING)] == [cleared["id"]]
    assert bob.refused("POST", reminder(token, deleted), timestamp=1) == (404, "message")
    alice.delete(f"v1/chat/{token}")
    assert bob.get(UPCOMING) == []
    assert bob.refused("GET", reminder(token, cleared)) == (404, "message")


def test_removed_attendees_lose_their_reminders(server: Server, alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Hello")
    bob.post(reminder(token, said), timestamp=1)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert reminded(server, bob) == []
    alice.add(token, bob)
    assert bob.get(UPCOMING) == reminded(server, bob) == []


def test_expired_messages_have_no_reminders(
    server: Server, alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.post(f"v4/room/{token}/message-expiration", seconds=60)
    said = alice.say(token, "soon gone")
    bob.post(reminder(token, said), timestamp=in_an_hour())
    monkeypatch.setattr(clock, "source", lambda: time.time() + 61)
    assert bob.get(UPCOMING) == []
    monkeypatch.setattr(clock, "source", lambda: time.time() + 3601)
    assert reminded(server, bob) == []


def test_a_reminder_needs_a_message_of_the_room(alice: Person, bob: Person, token: str) -> None:
    elsewhere = alice.create_room()
    said = alice.say(elsewhere, "not here")
    for method in ("POST", "GET", "DELETE"):
        assert bob.refused(method, reminder(token, said), timestamp=1) == (404, "message")
        assert bob.refused(method, reminder(elsewhere, said), timestamp=1) == (404, [])


def test_the_number_of_reminders_set_in_an_hour_is_limited(alice: Person, token: str) -> None:
    later = in_an_hour()
    for number in range(MAX_SET):
        alice.post(reminder(token, alice.say(token, str(number))), timestamp=later)
    one_more = alice.request("POST", reminder(token, alice.say(token, "one more")), timestamp=later)
    assert one_more.status_code == 429
    assert len(alice.get(UPCOMING)) == 10


def test_delivery_waits_for_a_concurrent_deletion_of_the_message(
    server: Server, alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = alice.say(token, "Hello")
    bob.post(reminder(token, said), timestamp=in_an_hour())
    db = server.app.world.db
    tries: list[str] = []

    async def both() -> None:
        begun = asyncio.Event()

        async def remove(tx: Tx) -> None:
            tries.append("remove")
            me = await access.access_participant(tx, token, user_id=alice.id, browser="", lock=True)
            begun.set()
            while db.suspends and await tx.one(_WAITING) is None:
                pass
            await change_service.delete(tx, me, said["id"])

        async def remind(tx: Tx) -> None:
            tries.append("remind")
            await service.deliver_due(tx)

        removing = asyncio.ensure_future(db.write(remove))
        await begun.wait()
        monkeypatch.setattr(clock, "source", lambda: time.time() + 3601)
        await asyncio.gather(removing, db.write(remind))

    server.run(both())
    assert tries == ["remove", "remind"], "nothing had to be tried again after a deadlock"
    assert reminded(server, bob) == []
