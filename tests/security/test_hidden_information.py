"""Information about accounts and rooms that outsiders must not get."""

from typing import Any

import pytest

from support.people import PUBLIC, Person
from support.running import Server, unique


@pytest.mark.parametrize("quoted", [False, True])
def test_a_guest_mentions_only_accounts_and_groups_of_the_room(server: Server, quoted: bool) -> None:
    alice, hidden, guest = server.add_user("alice"), server.add_user("hidden"), server.visitor()
    inside, outside = server.add_group(alice), server.add_group(hidden)
    token = alice.create_room(PUBLIC)
    alice.add(token, inside, source="groups")
    guest.join(token)

    def parameters(target: str) -> dict[str, Any]:
        sent = guest.say(token, f'Hello @"{target}"' if quoted else f"Hello @{target}")
        return dict(sent["messageParameters"] or {})

    for target in (hidden.id, hidden.id.upper(), unique("nobody"), *([f"group/{outside}"] if quoted else [])):
        assert parameters(target) == {}, target
    assert parameters(alice.id.upper())["mention-user1"]["id"] == alice.id
    if quoted:
        assert parameters(f"group/{inside}")["mention-group1"]["id"] == inside
    assert "mention-user1" in alice.say(token, f"Hello @{hidden.id}")["messageParameters"]


def outsiders(server: Server) -> list[Person]:
    """A user and a visitor who are not in the room."""
    return [server.add_user("stranger"), server.visitor()]


@pytest.mark.parametrize("options", [{}, {"password": "a secret of ours"}])
def test_the_picture_does_not_reveal_a_hidden_name(server: Server, options: dict[str, Any]) -> None:
    alice = server.add_user("alice")
    tokens = [alice.create_room(PUBLIC, name, **options) for name in ("🐳", "🎉 Party for Bob", "Room", "R")]
    alice.post(f"v1/room/{tokens[-1]}/avatar/emoji", emoji="🐧", color="123456")
    for person in outsiders(server):
        seen = [person.room(token) for token in tokens]
        assert {(each["avatarVersion"], each["isCustomAvatar"]) for each in seen} == {("0", False)}
        pictures = [person.request("GET", f"v1/room/{token}/avatar") for token in (*tokens, "abcdefgh")]
        assert len({(each.status_code, each.content) for each in pictures}) == 1


@pytest.mark.parametrize("listable", [0, 1])
def test_outsiders_see_nothing_of_the_conversation_that_a_room_extends(server: Server, listable: int) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    before = alice.post("v4/room", roomType=1, invite=bob.id)["token"]
    token = alice.create_room(PUBLIC, objectType="extended_conversation", objectId=before, listable=listable)
    assert alice.room(token)["objectId"] == before
    for person in outsiders(server):
        assert before not in person.request("GET", f"v4/room/{token}").text
        assert person.request("GET", f"v4/room/{token}").json()["ocs"]["data"]["objectId"] == ""
    assert before not in server.add_user("seeker").request("GET", "v4/listed-room").text
