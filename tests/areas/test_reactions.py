"""Reactions to messages."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from support.people import PUBLIC, Person
from support.running import LoopThread, Server
from support.waiting import begin_waiting
from talkd.storage.schema import reactions
from talkd.storage.statements import Statement, bind

_OF_MESSAGE = Statement(
    sa.select(sa.func.count()).select_from(reactions).where(reactions.c.message_id == bind("message_id"))
)


def react(person: Person, token: str, message: dict[str, Any], reaction: str) -> Any:
    """Add a reaction, and return all reactions to the message."""
    return person.post(f"v1/reaction/{token}/{message['id']}", reaction=reaction)


def stored(server: Server, message: dict[str, Any]) -> int:
    """Return the number of stored reactions to a message."""

    async def count(tx: Any) -> int:
        return int(await tx.value(_OF_MESSAGE, message_id=message["id"]))

    return server.read(count)


def news(person: Person, token: str, after: int, **params: Any) -> Any:
    """Request the messages after one."""
    return person.request(
        "GET", f"v1/chat/{token}", **{"lookIntoFuture": 1, "lastKnownMessageId": after, "timeout": 0, **params}
    )


def test_a_reaction_shows_on_the_message(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    shown = react(bob, token, said, "👍")
    assert [(each["actorId"], each["actorDisplayName"]) for each in shown["👍"]] == [(bob.id, "Bob")]
    react(alice, token, said, "👍")
    react(alice, token, said, "❤️")
    by_id = {each["id"]: each for each in bob.history(token)}
    assert list(by_id[said["id"]]["reactions"].items()) == [("👍", 2), ("❤️", 1)]
    assert by_id[said["id"]]["reactionsSelf"] == ["👍"]
    reports = [each for each in by_id.values() if each["systemMessage"] == "reaction"]
    assert [(each["message"], each["messageParameters"]) for each in reports] == [("❤️", []), ("👍", []), ("👍", [])]
    assert all(each["parent"]["reactionsSelf"] == ["👍"] for each in reports)
    assert "reactionsSelf" not in bob.room(token)["lastMessage"]


def test_the_same_reaction_twice_is_one(server: Server, alice: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    path = f"v1/reaction/{token}/{said['id']}"
    assert [alice.status("POST", path, reaction="👍") for _ in range(3)] == [201, 200, 200]
    assert stored(server, said) == 1
    assert alice.system_messages(token).count("reaction") == 1


def test_the_same_reaction_at_the_same_time_is_one(
    server: Server, alice: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    said = alice.say(token, "Lunch?")
    path = f"v1/reaction/{token}/{said['id']}"
    answers = list(threads.map(lambda _: alice.status("POST", path, reaction="👍"), range(8)))
    assert sorted(answers) == [*[200] * 7, 201]
    assert alice.history(token, lastKnownMessageId=said["id"], includeLastKnown=1)[0]["reactions"] == {"👍": 1}
    assert stored(server, said) == 1


def test_reactions_can_be_revoked(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    path = f"v1/reaction/{token}/{said['id']}"
    react(bob, token, said, "👍")
    assert alice.refused("DELETE", path, reaction="👍") == (404, None)
    assert bob.delete(path, reaction="👍") == {}
    assert bob.refused("DELETE", path, reaction="👍") == (404, None)
    for person, text in ((bob, "You deleted a reaction"), (alice, "{actor} deleted a reaction")):
        revoked, removed, message = person.history(token)[:3]
        assert (revoked["systemMessage"], revoked["message"]) == ("reaction_revoked", text)
        assert (removed["systemMessage"], removed["message"]) == ("reaction_deleted", "Reaction deleted by author")
        assert removed["messageParameters"] == []
        assert message["reactions"] == {}
        assert "reactionsSelf" not in message


def test_reactions_are_listed_by_emoji(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    path = f"v1/reaction/{token}/{said['id']}"
    assert alice.get(path) == {}
    react(bob, token, said, "👍")
    react(alice, token, said, "🎉")
    assert list(bob.get(path)) == ["🎉", "👍"]
    assert list(bob.get(path, reaction="👍")) == ["👍"]
    assert bob.get(path, reaction="🙈") == {}
    assert bob.get(path, reaction="") == bob.get(path)


def test_a_reaction_is_neither_unread_nor_the_last_message(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    before = alice.room(token)
    react(bob, token, said, "👍")
    after = alice.room(token)
    assert after["lastMessage"]["id"] == said["id"]
    assert (after["unreadMessages"], after["lastActivity"]) == (0, before["lastActivity"])


def test_a_reaction_does_not_end_waiting_and_comes_with_the_next_message(
    server: Server, loop_thread: LoopThread, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    said = alice.say(token, "Lunch?")
    with loop_thread.still_clock() as move:
        waiting = begin_waiting(server, threads, news, bob, token, said["id"], timeout=20, setReadMarker=0)
        react(alice, token, said, "👍")
        move(20)
        assert waiting.result(10).status_code == 304
    next_one = alice.say(token, "At one")
    got = news(bob, token, said["id"]).json()["ocs"]["data"]
    assert [each["systemMessage"] for each in got] == ["reaction", ""]
    assert got[0]["parent"]["reactions"] == {"👍": 1}
    assert got[1]["id"] == next_one["id"]


def test_waiting_clients_see_only_their_own_reactions_as_own(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    first = alice.history(token)[0]["id"]
    said = alice.say(token, "Lunch?")
    react(bob, token, said, "👍")
    answer = alice.say(token, "Good", replyTo=said["id"])
    for person, own in ((carol, None), (bob, ["👍"]), (alice, None), (carol, None), (bob, ["👍"])):
        got = {each["id"]: each for each in news(person, token, first).json()["ocs"]["data"]}
        assert got[said["id"]]["reactions"] == {"👍": 1}
        assert got[said["id"]].get("reactionsSelf") == own
        assert got[answer["id"]]["parent"].get("reactionsSelf") == own
    bob.delete(f"v1/reaction/{token}/{said['id']}", reaction="👍")
    got = {each["id"]: each for each in news(bob, token, first).json()["ocs"]["data"]}
    assert (got[said["id"]]["reactions"], got[said["id"]].get("reactionsSelf")) == ({}, None)


@pytest.mark.parametrize("reaction", ["", "x", "ab", "👍👍", "👍 ", "😀" * 50])
def test_only_one_emoji_is_a_reaction(alice: Person, token: str, reaction: str) -> None:
    said = alice.say(token, "Lunch?")
    assert alice.refused("POST", f"v1/reaction/{token}/{said['id']}", reaction=reaction) == (400, None)


@pytest.mark.parametrize("reaction", ["1️⃣", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👍🏿", "🇩🇪", "❤️"])
def test_every_emoji_is_a_reaction(alice: Person, token: str, reaction: str) -> None:
    said = alice.say(token, "Lunch?")
    assert list(react(alice, token, said, reaction)) == [reaction]


def test_a_message_counts_only_its_most_frequent_reactions(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    faces = [chr(0x1F600 + number) for number in range(22)]
    for face in faces:
        react(alice, token, said, face)
    react(bob, token, said, faces[-1])
    shown = next(each for each in bob.history(token) if each["id"] == said["id"])["reactions"]
    assert list(shown.items()) == [(faces[-1], 2), *((face, 1) for face in faces[:19])]
    assert len(bob.get(f"v1/reaction/{token}/{said['id']}")) == 22


def test_system_messages_and_messages_elsewhere_take_no_reactions(alice: Person, bob: Person, token: str) -> None:
    system = alice.history(token)[0]["id"]
    elsewhere = alice.say(alice.create_room(), "Not here")["id"]
    for method in ("POST", "DELETE"):
        assert bob.refused(method, f"v1/reaction/{token}/{system}", reaction="👍") == (400, None)
    for message_id in (elsewhere, 10**12, 0):
        for method in ("POST", "DELETE", "GET"):
            assert bob.refused(method, f"v1/reaction/{token}/{message_id}", reaction="👍") == (404, None)
    assert bob.status("POST", f"v1/reaction/{token}/{10**40}", reaction="👍") in (400, 404)
    assert bob.refused("GET", f"v1/reaction/{token}/{system}") == (404, None)


def test_nobody_reacts_from_outside_or_in_a_locked_room(server: Server, alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    path = f"v1/reaction/{token}/{said['id']}"
    react(bob, token, said, "👍")
    for person in (server.add_user("stranger"), server.visitor()):
        assert [person.status(method, path, reaction="👍") for method in ("POST", "DELETE", "GET")] == [404] * 3
    alice.put(f"v4/room/{token}/read-only", state=1)
    assert [bob.status(method, path, reaction="👍") for method in ("POST", "DELETE")] == [403] * 2
    assert list(bob.get(path)) == ["👍"]


def test_guests_react_with_their_names(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    said = alice.say(token, "Welcome")
    guest = server.visitor()
    actor_id = guest.join(token)["actorId"]
    guest.post(f"v1/guest/{token}/name", displayName="Vera")
    [given] = react(guest, token, said, "🎉")["🎉"]
    assert (given["actorType"], given["actorId"], given["actorDisplayName"]) == ("guests", actor_id, "Vera")
    seen = next(each for each in guest.history(token) if each["id"] == said["id"])
    assert seen["reactionsSelf"] == ["🎉"]


def test_a_deleted_message_has_no_reactions(server: Server, alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    react(bob, token, said, "👍")
    alice.delete(f"v1/chat/{token}/{said['id']}")
    assert stored(server, said) == 0
    assert alice.refused("POST", f"v1/reaction/{token}/{said['id']}", reaction="👍") == (400, None)
    seen = next(each for each in bob.history(token) if each["id"] == said["id"])
    assert (seen["reactions"], seen.get("reactionsSelf")) == ({}, None)


def test_reactions_are_deleted_with_their_room(server: Server, alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    react(bob, token, said, "👍")
    alice.delete(f"v4/room/{token}")
    assert stored(server, said) == 0


def test_reactions_of_deleted_accounts_still_count(server: Server, alice: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    gone = [server.add_user("dave"), server.add_user("erin")]
    for person in gone:
        alice.add(token, person)
        react(person, token, said, "👍")
    for person in gone:
        answer = server.admin.delete(f"/ocs/v2.php/cloud/users/{person.id}")
        assert answer.status_code == 200, answer.text
    given = react(alice, token, said, "👍")["👍"]
    assert [each["actorType"] for each in given] == ["users", "deleted_users", "deleted_users"]
    assert {each["actorId"] for each in given[1:]} == {"deleted_users"}
    assert next(each for each in alice.history(token) if each["id"] == said["id"])["reactions"] == {"👍": 3}


def test_new_names_show_in_old_reactions(server: Server, alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    react(bob, token, said, "👍")
    answer = bob.request("PUT", f"/ocs/v2.php/cloud/users/{bob.id}", key="displayname", value="Robert")
    assert answer.status_code == 200, answer.text
    assert alice.get(f"v1/reaction/{token}/{said['id']}")["👍"][0]["actorDisplayName"] == "Robert"


def test_reactions_are_deleted_with_the_history(server: Server, alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    react(bob, token, said, "👍")
    alice.delete(f"v1/chat/{token}")
    assert stored(server, said) == 0
    assert bob.refused("GET", f"v1/reaction/{token}/{said['id']}") == (404, None)


def test_the_context_of_a_message_shows_own_reactions(alice: Person, bob: Person, token: str) -> None:
    said = alice.say(token, "Lunch?")
    react(bob, token, said, "👍")
    for person, own in ((alice, None), (bob, ["👍"])):
        around = {each["id"]: each for each in person.get(f"v1/chat/{token}/{said['id']}/context")}
        assert around[said["id"]]["reactions"] == {"👍": 1}
        assert around[said["id"]].get("reactionsSelf") == own


def test_marking_as_unread_ignores_reactions(alice: Person, bob: Person, token: str) -> None:
    before = alice.history(token)[0]["id"]
    said = alice.say(token, "Lunch?")
    bob.post(f"v1/chat/{token}/read")
    react(alice, token, said, "👍")
    react(alice, token, said, "🍕")
    bob.delete(f"v1/chat/{token}/read")
    room = bob.room(token)
    assert (room["unreadMessages"], room["lastReadMessage"]) == (1, before)


@pytest.mark.parametrize(
    "emoji",
    ["❤\ufe0f\ufe0f", "👍🏽\ufe0f", "👍\ufe0f🏽", "❤\ufe0e", "🇩🇪\ufe0f", "1\ufe0f\ufe0f\u20e3", "🧑🏽\ufe0f\u200d🚀"],
)
def test_an_emoji_may_have_repeated_modifiers(alice: Person, token: str, emoji: str) -> None:
    path = f"v1/reaction/{token}/{alice.say(token, 'Lunch?')['id']}"
    assert list(alice.post(path, reaction=emoji)) == [emoji]
    assert alice.refused("DELETE", path, reaction="❤") == (404, None)
    assert alice.delete(path, reaction=emoji) == {}
    assert alice.refused("DELETE", path, reaction=emoji) == (404, None)
    assert alice.refused("DELETE", path, reaction="no emoji") == (404, None)
