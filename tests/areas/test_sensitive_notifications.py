"""Notifications of rooms that the user marked as sensitive say what happened, and nothing else."""

import json
from typing import Any

from support.notifications import ALWAYS, PATH, set_level
from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import Server

SECRET = "the secret"


def shown(person: Person) -> list[dict[str, Any]]:
    """List the notifications, newest first, and check that they show no secret."""
    listed: list[dict[str, Any]] = person.get(PATH)
    for each in listed:
        assert person.get(f"{PATH}/{each['notification_id']}") == each
        assert (each["message"], each["messageRich"], each["messageRichParameters"]) == ("", "", {})
        assert each["subjectRichParameters"] == {}
        assert each["subject"] == each["subjectRich"]
        assert "/" not in each["object_id"]
    return listed


def subjects(person: Person) -> list[str]:
    """List the subjects of the notifications, newest first."""
    return [each["subject"] for each in shown(person)]


def test_messages_and_mentions_show_no_names_or_texts(server: Server, alice: Person, bob: Person, private: str) -> None:
    bob.post("v4/room", roomType=ONE_TO_ONE, invite=alice.id)
    bob.post(f"v4/room/{private}/sensitive")
    alice.say(private, SECRET)
    second = alice.say(private, f"{SECRET} of @{bob.id}")
    assert [(each["object_id"], each["subject"]) for each in shown(bob)] == [
        (private, "Someone mentioned you in a private conversation"),
        (private, "You received a message in a private conversation"),
    ]
    text = json.dumps(bob.get(PATH))
    for secret in (SECRET, alice.id, "Alice", "#message_", f"{private}/{second['id']}"):
        assert secret not in text
    bob.delete(f"v4/room/{private}/sensitive")
    later, earlier = bob.get(PATH)
    assert later["object_id"] == f"{private}/{second['id']}"
    assert earlier["subject"] == "Alice sent you a private message"


def test_no_kind_of_notification_shows_a_secret(server: Server, alice: Person, bob: Person) -> None:
    group = server.add_group(bob)
    token = alice.create_room(PUBLIC, "Plans")
    alice.add(token, bob)
    alice.add(token, group, source="groups")
    bob.post(f"v4/room/{token}/sensitive")
    assert subjects(bob) == ["You were invited to a private conversation"]
    set_level(bob, token, ALWAYS)
    mine = bob.say(token, SECRET)
    alice.say(token, SECRET)
    alice.say(token, f'@"group/{group}"')
    alice.say(token, "@all")
    alice.say(token, "an answer", replyTo=mine["id"])
    alice.post(f"v1/reaction/{token}/{mine['id']}", reaction="👍")
    bob.post(f"v1/chat/{token}/{mine['id']}/reminder", timestamp=1)
    server.run_job("deliver_reminders")
    alice.join(token)
    alice.post(f"v4/call/{token}")
    assert sorted(subjects(bob)) == sorted(
        [
            "A call has started in a private conversation",
            "Reminder in a private conversation",
            "Someone reacted in a private conversation",
            "Notification in a private conversation",
            "Someone mentioned you in a private conversation",
            "Someone mentioned you in a private conversation",
            "You received a message in a private conversation",
        ]
    )
    text = json.dumps(bob.get(PATH))
    for secret in (SECRET, alice.id, "Alice", "Plans", group, "👍", "#message_", f"{token}/{mine['id']}"):
        assert secret not in text
    alice.delete(f"v4/call/{token}")
    assert "You missed a call in a private conversation" in subjects(bob)


def test_dismissing_a_reminder_needs_no_message_id(server: Server, alice: Person, bob: Person, private: str) -> None:
    said = alice.say(private, SECRET)
    bob.post(f"v1/chat/{private}/{said['id']}/reminder", timestamp=1)
    bob.post(f"v1/chat/{private}/read")
    bob.post(f"v4/room/{private}/sensitive")
    server.run_job("deliver_reminders")
    (reminder,) = shown(bob)
    view, dismiss = reminder["actions"]
    assert view["link"] == reminder["link"] == f"{server.url}/call/{private}"
    bob.delete(dismiss["link"].removeprefix(server.url))
    assert bob.get(PATH) == []


def test_notifications_of_other_users_show_everything(server: Server, alice: Person, bob: Person, token: str) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    bob.post(f"v4/room/{token}/sensitive")
    alice.say(token, "@all")
    assert carol.get(PATH)[0]["subject"] == "Alice mentioned everyone in conversation Room"
