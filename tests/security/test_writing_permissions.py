"""Locked rooms and missing permissions apply to all ways to write in a room."""

from typing import Any

import pytest

from support.people import PUBLIC, Person
from support.running import Server

POLL = {"question": "Where to?", "options": ["Sea", "Hills"], "resultMode": 0, "maxVotes": 1}
PLACE = {"objectType": "geo-location", "objectId": "geo:52.5,13.4", "metaData": '{"name": "Here"}'}


def everything_written(person: Person, token: str, message: int, poll: int) -> dict[str, int]:
    """Return the status of each way to write in a room."""
    tries: dict[str, tuple[str, str, dict[str, Any]]] = {
        "say": ("POST", f"v1/chat/{token}", {"message": "Hello"}),
        "share": ("POST", f"v1/chat/{token}/share", PLACE),
        "react": ("POST", f"v1/reaction/{token}/{message}", {"reaction": "👍"}),
        "take a reaction back": ("DELETE", f"v1/reaction/{token}/{message}", {"reaction": "🚀"}),
        "ask": ("POST", f"v1/poll/{token}", POLL),
        "vote": ("POST", f"v1/poll/{token}/{poll}", {"optionIds": [0]}),
        "take a vote back": ("POST", f"v1/poll/{token}/{poll}", {"optionIds": []}),
        "close": ("DELETE", f"v1/poll/{token}/{poll}", {}),
        "see who can be mentioned": ("GET", f"v1/chat/{token}/mentions", {"search": ""}),
        **(
            {}
            if person.is_visitor
            else {
                "edit": ("PUT", f"v1/chat/{token}/{message}", {"message": "Changed"}),
                "delete": ("DELETE", f"v1/chat/{token}/{message}", {}),
            }
        ),
    }
    return {name: person.status(method, path, **params) for name, (method, path, params) in tries.items()}


def prepare(person: Person, token: str) -> tuple[int, int]:
    """Create a message with a reaction, and a poll. Return their ids."""
    message, poll = person.say(token, "Before")["id"], person.post(f"v1/poll/{token}", **POLL)["id"]
    person.post(f"v1/reaction/{token}/{message}", reaction="🚀")
    return message, poll


@pytest.mark.parametrize("who", ["member", "guest"])
@pytest.mark.parametrize("forbidden", ["attendee", "room"])
def test_without_the_chat_permission_nothing_is_written(server: Server, who: str, forbidden: str) -> None:
    owner = server.add_user("owner")
    token = owner.create_room(PUBLIC)
    person = server.visitor() if who == "guest" else server.add_user("member")
    if who == "member":
        owner.add(token, person)
    actor_id = person.join(token)["actorId"]
    message, poll = prepare(person, token)
    before = owner.texts(token)
    if forbidden == "attendee":
        seat = owner.attendee(token, actor_id)
        owner.put(f"v4/room/{token}/attendees/permissions", attendeeId=seat, method="set", permissions=1 | 4)
    else:
        owner.put(f"v4/room/{token}/permissions/default", permissions=1 | 4)
    assert set(everything_written(person, token, message, poll).values()) == {403}
    assert owner.texts(token) == before
    assert owner.get(f"v1/poll/{token}/{poll}")["status"] == 0


@pytest.mark.parametrize("who", ["owner", "member", "guest"])
def test_nothing_is_written_in_a_locked_room(server: Server, who: str) -> None:
    owner, member, guest = server.add_user("owner"), server.add_user("member"), server.visitor()
    token = owner.create_room(PUBLIC)
    owner.add(token, member)
    guest.join(token)
    person = {"owner": owner, "member": member, "guest": guest}[who]
    message, poll = prepare(person, token)
    owner.put(f"v4/room/{token}/read-only", state=1)
    assert set(everything_written(person, token, message, poll).values()) == {403}
    owner.put(f"v4/room/{token}/read-only", state=0)
    assert owner.get(f"v1/poll/{token}/{poll}")["numVoters"] == 0
