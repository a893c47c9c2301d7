"""Telling people what was said while they were not looking."""

from support.notifications import ALWAYS, MENTION, NEVER, PATH, kept, listen, poll, subjects, told
from support.people import PUBLIC, Person
from support.running import Server


# --- what is said ---------------------------------------------------------------------------
def test_a_private_message_is_told(server: Server, alice: Person, bob: Person, private: str) -> None:
    said = alice.say(private, "Hello")
    (shown,) = told(bob)
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
    assert told(alice) == []


def test_the_level_decides_what_is_told_in_a_group(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "to nobody")
    assert told(bob) == []
    listen(bob, token, ALWAYS)
    alice.say(token, "to everybody")
    assert [each["message"] for each in told(bob)] == ["to everybody"]
    listen(bob, token, NEVER)
    alice.say(token, f"to @{bob.id} alone")
    assert len(told(bob)) == 1
    listen(bob, token, MENTION)
    alice.say(token, f"again to @{bob.id}")
    assert [each["message"] for each in told(bob)] == ["again to @Bob", "to everybody"]


def test_the_setting_decides_for_those_who_chose_nothing(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    path = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/default_group_notification"
    admin = Person(server.admin, "admin")
    try:
        admin.post(path, value=str(ALWAYS))
        alice.say(token, "to everybody")
        assert len(told(bob)) == 1
        admin.post(path, value=str(NEVER))
        alice.say(token, f"to @{bob.id}")
        assert len(told(bob)) == 1
    finally:
        admin.delete(path)


def test_mentions_say_who_was_meant(server: Server, alice: Person, bob: Person, token: str) -> None:
    group = server.add_group(bob)
    alice.say(token, f"@{bob.id}")
    alice.say(token, f'@"group/{group}"')
    alice.say(token, "@all")
    everybody, some, alone = told(bob)
    assert alone["subject"] == "Alice mentioned you in conversation Room"
    assert alone["messageRichParameters"]["mention-user1"]["id"] == bob.id
    assert some["subject"] == f"Alice mentioned group {group} in conversation Room"
    assert some["subjectRichParameters"]["group"] == {"type": "user-group", "id": group, "name": group}
    assert everybody["subject"] == "Alice mentioned everyone in conversation Room"
    assert everybody["message"] == "@all"


def test_one_message_is_told_once_and_by_its_nearest_reason(alice: Person, bob: Person, token: str) -> None:
    listen(bob, token, ALWAYS)
    question = bob.say(token, "What do you think?")
    alice.say(token, f"@{bob.id} and @all: yes", replyTo=question["id"])
    alice.say(token, f"@all and @{bob.id}: no")
    assert subjects(bob) == [
        "Alice mentioned you in conversation Room",
        "Alice replied to your message in conversation Room",
    ]


def test_the_newest_message_comes_first_whatever_was_special_about_it(alice: Person, bob: Person, private: str) -> None:
    said = [alice.say(private, text)["id"] for text in ("plain", f"for @{bob.id}", "plain again", "@all", "plain")]
    assert [each["object_id"] for each in told(bob)] == [f"{private}/{number}" for number in reversed(said)]


def test_nothing_is_told_of_silent_messages(alice: Person, bob: Person, private: str) -> None:
    alice.say(private, f"psst @{bob.id}", silent=True)
    assert told(bob) == []


def test_nothing_is_told_of_what_the_server_reports(alice: Person, bob: Person, token: str) -> None:
    listen(bob, token, ALWAYS)
    alice.put(f"v4/room/{token}", roomName="Other")
    assert told(bob) == []


def test_guests_are_told_of_as_such(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    guest = server.visitor()
    guest.join(token)
    guest.say(token, f"@{alice.id}")
    assert subjects(alice) == ["A guest mentioned you in conversation Room"]
    guest.post(f"v1/guest/{token}/name", displayName="Gus")
    (named,) = told(alice)
    assert named["subject"] == "Gus (guest) mentioned you in conversation Room"
    assert named["subjectRich"] == "{guest} (guest) mentioned you in conversation {call}"


# --- who is not told ------------------------------------------------------------------------
def test_who_is_looking_is_not_told(alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "first")
    told(bob)
    bob.join(private)
    alice.say(private, "seen")
    assert [each["message"] for each in told(bob)] == ["first"]
    bob.put(f"v4/room/{private}/participants/state", state=0)
    alice.say(private, "not seen")
    assert [each["message"] for each in told(bob)] == ["not seen", "first"]


def test_archived_conversations_only_tell_who_was_meant(alice: Person, bob: Person, token: str) -> None:
    listen(bob, token, ALWAYS)
    bob.post(f"v4/room/{token}/archive")
    alice.say(token, "to all")
    alice.say(token, "@all")
    assert told(bob) == []
    alice.say(token, f"@{bob.id}")
    assert len(told(bob)) == 1


def test_the_lobby_keeps_what_is_inside(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"before, @{bob.id}")
    assert len(told(bob)) == 1
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    alice.say(token, f"inside, @{bob.id}")
    assert told(bob) == []
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    assert [each["message"] for each in told(bob)] == ["before, @Bob"]


def test_who_was_removed_is_told_nothing(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"@{bob.id}")
    told(bob)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert told(bob) == []
    assert kept(server, bob) == 0
    alice.add(token, bob)
    assert told(bob) == []


# --- what need not be told any more ---------------------------------------------------------
def test_what_was_read_is_told_no_more(alice: Person, bob: Person, private: str) -> None:
    first, second = alice.say(private, "first"), alice.say(private, "second")
    assert len(told(bob)) == 2
    bob.post(f"v1/chat/{private}/read", lastReadMessage=first["id"])
    assert [each["message"] for each in told(bob)] == ["second"]
    bob.post(f"v1/chat/{private}/read", lastReadMessage=second["id"])
    assert told(bob) == []
    bob.delete(f"v1/chat/{private}/read")
    assert told(bob) == []


def test_opening_the_conversation_is_enough(alice: Person, bob: Person, token: str) -> None:
    listen(bob, token, ALWAYS)
    said = bob.say(token, "Lunch?")
    alice.post(f"v1/reaction/{token}/{said['id']}", reaction="👍")
    alice.say(token, "Now!")
    assert len(told(bob)) == 2
    poll(bob, token, said["id"], setReadMarker=0, markNotificationsAsRead=0)
    assert len(told(bob)) == 2
    poll(bob, token, said["id"], setReadMarker=0)
    assert told(bob) == []


def test_whoever_marks_everything_as_read_is_told_of_no_reaction_either(alice: Person, bob: Person, token: str) -> None:
    listen(bob, token, ALWAYS)
    said, last = bob.say(token, "Lunch?"), alice.say(token, "Now!")
    path = f"v1/reaction/{token}/{said['id']}"
    alice.post(path, reaction="👍")
    bob.post(f"v1/chat/{token}/read", lastReadMessage=said["id"])
    assert len(told(bob)) == 2
    bob.post(f"v1/chat/{token}/read", lastReadMessage=last["id"])
    assert told(bob) == []
    alice.post(path, reaction="🎉")
    assert len(told(bob)) == 1
    bob.post(f"v1/chat/{token}/read")
    assert told(bob) == []


def test_an_app_of_2018_opens_it_too(alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "Lunch?")
    assert len(told(bob)) == 1
    bob.get(f"v1/chat/{private}", timeout=0)
    assert told(bob) == []


def test_a_conversation_nobody_looks_at_does_not_count_as_opened(alice: Person, bob: Person, private: str) -> None:
    bob.join(private)
    bob.put(f"v4/room/{private}/participants/state", state=0)
    said = alice.say(private, "Hello")
    assert len(told(bob)) == 1
    poll(bob, private, said["id"] - 1, setReadMarker=0)
    assert len(told(bob)) == 1
    bob.put(f"v4/room/{private}/participants/state", state=1)
    poll(bob, private, said["id"] - 1, setReadMarker=0)
    assert told(bob) == []


def test_deleted_messages_are_told_no_more(server: Server, alice: Person, bob: Person, private: str) -> None:
    said, late = alice.say(private, "first"), alice.say(private, "second")
    assert len(told(bob)) == 2
    alice.delete(f"v1/chat/{private}/{said['id']}")
    assert [each["message"] for each in told(bob)] == ["second"]
    alice.delete(f"v1/chat/{private}/{late['id']}")
    assert kept(server, bob) == 0


def test_with_the_history_goes_what_was_told_of_it(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"@{bob.id}")
    assert len(told(bob)) == 1
    alice.delete(f"v1/chat/{token}")
    assert told(bob) == []


def test_with_the_conversation_goes_what_was_told_of_it(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, f"@{bob.id}")
    assert len(told(bob)) == 1
    alice.delete(f"v4/room/{token}")
    assert bob.get(PATH) == []
    assert kept(server, bob) == 0


def test_edited_messages_are_told_as_they_are_now(server: Server, alice: Person, bob: Person, token: str) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    said = alice.say(token, f"for @{bob.id}")
    assert len(told(bob)) == 1
    alice.put(f"v1/chat/{token}/{said['id']}", message=f"rather for @{carol.id}")
    assert told(bob) == []
    assert [each["message"] for each in told(carol)] == ["rather for @Carol"]
    alice.put(f"v1/chat/{token}/{said['id']}", message="for @all")
    assert subjects(bob) == subjects(carol) == ["Alice mentioned everyone in conversation Room"]
    alice.put(f"v1/chat/{token}/{said['id']}", message="for nobody")
    assert told(bob) == told(carol) == []


def test_who_is_not_named_any_more_is_told_what_else_the_message_is(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    listen(bob, token, ALWAYS)
    group = server.add_group(carol)
    said = alice.say(token, f'for @{bob.id}, @{carol.id}, @"group/{group}" and @all')
    assert subjects(bob) == subjects(carol) == ["Alice mentioned you in conversation Room"]
    path = f"v1/chat/{token}/{said['id']}"
    alice.put(path, message=f'for @"group/{group}" and @all')
    assert subjects(bob) == ["Alice mentioned everyone in conversation Room"]
    assert subjects(carol) == [f"Alice mentioned group {group} in conversation Room"]
    alice.put(path, message="for nobody in particular")
    (shown,) = told(bob)
    assert shown["subject"] == "Alice sent a message in conversation Room"
    assert told(carol) == []
    bob.delete(f"{PATH}/{shown['notification_id']}")
    alice.put(path, message="for nobody at all")
    assert told(bob) == []


def test_seen_mentions_do_not_come_back_with_an_edit(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, f"for @{bob.id}")
    (shown,) = told(bob)
    bob.delete(f"{PATH}/{shown['notification_id']}")
    alice.put(f"v1/chat/{token}/{said['id']}", message=f"still for @{bob.id}")
    assert told(bob) == []


# --- reactions ------------------------------------------------------------------------------
def test_reactions_are_told_to_the_author_who_wants_to_hear_everything(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    path = f"v1/reaction/{token}/{said['id']}"
    bob.post(path, reaction="🎉")
    assert told(alice) == []
    listen(alice, token, ALWAYS)
    alice.post(path, reaction="👍")
    bob.post(path, reaction="👍")
    (shown,) = told(alice)
    assert shown["subject"] == "Bob reacted with 👍 to your message in conversation Room"
    assert shown["subjectRichParameters"]["reaction"] == {"type": "highlight", "id": "👍", "name": "👍"}
    assert (shown["message"], shown["object_id"]) == ("Lunch?", f"{token}/{said['id']}")
    bob.delete(path, reaction="👍")
    assert told(alice) == []
