"""The unified search: which messages are found, and how they are shown."""

import time
import unicodedata
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from support.people import CHANGELOG, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from support.searching import PROVIDERS, found, found_rooms, results
from talkd.areas.search import model, store, view
from talkd.core import clock, search
from talkd.core.search import searchable
from talkd.storage.database import Tx
from talkd.storage.sqlite_search import AT_ONCE, is_behind
from talkd.storage.statements import COMMON, Statement

_FLOOD = Statement(
    sa.text(
        "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < :many) "
        "INSERT INTO messages(room_id, message, countable) SELECT id, 'No. ' || number, 1 FROM rooms, numbers "
        "WHERE token = :token"
    )
)


_SAY_OFTEN = Statement(
    sa.text(
        "WITH RECURSIVE numbers(number) AS "
        "(SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < :many - 1) "
        "INSERT INTO messages(room_id, message, kind, countable) "
        "SELECT id, CAST(:text AS text) || ' ' || number, 'comment', 1 FROM rooms, numbers WHERE token = :token "
        "ORDER BY number"
    )
)
_NOTE_LAST = Statement(
    sa.text(
        "UPDATE rooms SET last_message_id = (SELECT max(id) FROM messages WHERE room_id = rooms.id) "
        "WHERE token = :token"
    )
)


def index(server: Server) -> None:
    """Index all messages so far, on a database that does not index them at once."""
    server.run(server.app.world.db.catch_up())


Settle = Callable[[], None]


@pytest.fixture(params=["just said", "said some time ago"])
def settle(request: pytest.FixtureRequest, server: Server) -> Settle:
    """Index the messages so far, or leave them unindexed: results must not depend on it."""
    return (lambda: index(server)) if request.param == "said some time ago" else (lambda: None)


def test_a_part_of_a_word_is_found_in_any_case(token: str, alice: Person, bob: Person, settle: Settle) -> None:
    quoted = "\"yes\" OR 'no' -x* a:b (c) \\ 1%_"
    texts = ["Hello Walrus", "ÄRGER im Büro", "会议在明天", "fine 👍🏽 for me", quoted]
    for text in texts:
        alice.say(token, text)
    settle()
    for term in ("hel", "LLO wal", "us", "lr", "W", " walrus "):
        assert found(bob, term) == [texts[0]], term
    for term in ("ärger", "bü", "BÜRO", "BU"):
        assert found(bob, term) == [texts[1]], term
    for term in ("会", "会议", "议在明", "天"):
        assert found(bob, term) == [texts[2]], term
    for term in ("👍", "👍🏽", "👍🏽 for"):
        assert found(bob, term) == [texts[3]], term
    for term in ('"yes"', '"', "'n", "-x*", "a:b", ":", "(c)", "\\", "\\ 1", "%_", "_", "es\" or 'no"):
        assert found(bob, term) == [quoted], term
    for term in ("walruses", "hello  walrus", "llo*", "OR AND", '""', "h_llo", "hello%walrus", "%%", "__"):
        assert found(bob, term) == [], term


def test_accents_and_the_unicode_form_are_ignored(token: str, alice: Person, bob: Person, settle: Settle) -> None:
    greeting = f"Stra\u00dfe zu @{bob.id}, \u041b\u0451\u0434"
    texts = ["Caf\u00e9 Z\u00fcrich", "Cafe\u0301 Zu\u0308rich", greeting, "か and が"]
    for text in texts:
        alice.say(token, text)
    settle()
    for term in ("zurich", "z\u00fcrich", "zu\u0308rich", "ZU\u0308R", "cafe", "CAF\u00c9", "fe z"):
        assert found(bob, term) == [texts[1], texts[0]], term
    for term in ("strasse", "stra\u00dfe", "\u043b\u0435\u0434", "\u041b\u0401\u0414", "zu @b\u00f3b"):
        assert found(bob, term) == [texts[2].replace(f"@{bob.id}", "@Bob")], term
    assert found(bob, "が") == [texts[3]]
    assert found(bob, "cafe zurish") == []
    alice.put(f"v1/chat/{token}/{alice.history(token)[0]['id']}", message="na\u00efve")
    assert found(bob, "naive") == ["na\u00efve"]


@pytest.mark.parametrize("written", ["J\u00e9r\u00f4me Stra\u00df", "Je\u0301ro\u0302me Stra\u00df"])
def test_all_searches_for_names_ignore_the_same(server: Server, alice: Person, written: str) -> None:
    person = server.add_user("jj", display_name=written)
    token = alice.create_room(name=written)
    alice.add(token, person)
    alice.put(f"v4/room/{token}/listable", scope=1)
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=person.id)["token"]
    group = server.add_group()
    server.admin.put(f"/ocs/v2.php/cloud/groups/{group}", json={"key": "displayname", "value": written})
    other = server.add_user("other")
    for term in ("jerome", "J\u00e9r\u00f4me", "je\u0301ro\u0302me", "ROME STRASS"):
        rooms = results(alice, term, "talk-conversations", limit=25)["entries"]
        assert {each["attributes"]["conversation"] for each in rooms} == {token, pair}, term
        users = server.admin.get("/ocs/v2.php/cloud/users", params={"search": term}).json()["ocs"]["data"]["users"]
        assert person.id in users, term
        groups = server.admin.get("/ocs/v2.php/cloud/groups", params={"search": term}).json()["ocs"]["data"]["groups"]
        assert group in groups, term
        completed = alice.get(
            "/ocs/v2.php/core/autocomplete/get", search=term, itemType="call", itemId="new", **{"shareTypes[]": [0, 1]}
        )
        assert {person.id, group} <= {each["id"] for each in completed}, term
        mentions = alice.get(f"v1/chat/{token}/mentions", search=term)
        assert [each["id"] for each in mentions] == [person.id, "all"], term
        assert [each["id"] for each in alice.get(f"v1/chat/{pair}/mentions", search=term)] == [person.id], term
        listed = other.get("v4/listed-room", searchTerm=term)
        assert token in {each["token"] for each in listed}, term


@given(st.text(max_size=20), st.text(max_size=5), st.text(max_size=20))
def test_the_position_of_a_term_is_found_in_the_shown_text(before: str, term: str, after: str) -> None:
    text = f"{before} {term} {after}"
    assert search.searchable(search.searchable(text)) == search.searchable(text)
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert search.searchable(composed) == search.searchable(decomposed)
    if term.strip():
        assert 0 <= search.find(text, term.strip()) <= len(before) + 1 + len(term)


def test_the_fields_of_a_message_in_the_results(server: Server, token: str, alice: Person, bob: Person) -> None:
    said = alice.say(token, "the walrus whispers")
    entry = results(bob, "walrus", "talk-message-current", **{"from": f"/call/{token}"})["entries"][0]
    assert entry == {
        "thumbnailUrl": f"{server.url}/avatar/{alice.id}/512",
        "title": "Alice",
        "subline": "the walrus whispers",
        "resourceUrl": f"{server.url}/call/{token}#message_{said['id']}",
        "icon": "icon-talk",
        "rounded": True,
        "attributes": {
            "conversation": token,
            "messageId": str(said["id"]),
            "actorType": "users",
            "actorId": alice.id,
            "timestamp": str(said["timestamp"]),
        },
    }
    assert results(bob, "walrus")["entries"][0] == {**entry, "title": "Alice in Room"}
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.say(pair, "psst")
    assert [entry["title"] for entry in results(bob, "psst")["entries"]] == ["Alice in Alice"]


def test_authors_who_are_guests_are_marked(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    named, nameless = server.visitor(), server.visitor()
    for guest in (named, nameless):
        guest.join(token)
    named.post(f"v1/guest/{token}/name", displayName="Vera")
    named.say(token, "walrus")
    nameless.say(token, "walrus")
    entries = results(alice, "walrus", conversation=token)["entries"]
    assert [(entry["title"], entry["thumbnailUrl"]) for entry in entries] == [("Guest", ""), ("Vera (guest)", "")]


def test_messages_are_found_in_other_rooms_or_in_the_current_one(token: str, alice: Person, bob: Person) -> None:
    other = alice.create_room(name="Other")
    alice.say(token, "walrus here")
    alice.say(other, "walrus there")
    here = {"from": f"/call/{token}"}
    assert found(alice, "walrus") == ["walrus there", "walrus here"]
    assert found(alice, "walrus", **here) == ["walrus there"]
    assert found(alice, "walrus", "talk-message-current", **here) == ["walrus here"]
    assert found(alice, "walrus", "talk-message-current", **{"from": f"https://x.org/index.php/call/{token}#a"}) == [
        "walrus here"
    ]
    assert found(alice, "walrus", "talk-message-current", conversation=other, **here) == ["walrus there"]
    assert found(alice, "walrus", conversation=token) == ["walrus here"]
    assert results(alice, "walrus", **here)["name"] == "Messages in other conversations"
    nowhere = {"name": "Messages", "isPaginated": False, "entries": [], "cursor": None}
    assert results(bob, "walrus", "talk-message-current", **{"from": f"/call/{other}"}) == nowhere
    assert results(bob, "walrus", conversation=other) == nowhere
    assert results(bob, "walrus", conversation="nosuchroom") == nowhere
    assert results(alice, "walrus", "talk-message-current") == nowhere


def test_only_members_find_messages_of_a_room(
    server: Server, token: str, alice: Person, bob: Person, settle: Settle
) -> None:
    carol = server.add_user("carol")
    alice.say(token, "walrus")
    settle()
    assert (found(bob, "walrus"), found(carol, "walrus")) == (["walrus"], [])
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert found(bob, "walrus") == []
    assert server.visitor().status("GET", f"{PROVIDERS}/talk-message/search", term="walrus") == 401
    assert server.visitor().status("GET", PROVIDERS) == 401


def test_nothing_is_found_in_a_room_whose_lobby_the_user_waits_in(token: str, alice: Person, bob: Person) -> None:
    alice.say(token, "walrus")
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    for params in ({}, {"conversation": token}):
        assert (found(alice, "walrus", **params), found(bob, "walrus", **params)) == (["walrus"], [])
    assert found_rooms(bob, "room") == ["Room"]
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    assert found(bob, "walrus") == ["walrus"]


def test_messages_of_sensitive_rooms_are_found_only_in_the_room(token: str, alice: Person, bob: Person) -> None:
    alice.say(token, "walrus")
    bob.post(f"v4/room/{token}/sensitive")
    assert (found(alice, "walrus"), found(bob, "walrus")) == (["walrus"], [])
    assert found(bob, "walrus", "talk-message-current", **{"from": f"/call/{token}"}) == ["walrus"]


def test_expired_messages_are_not_found(
    monkeypatch: pytest.MonkeyPatch, token: str, alice: Person, bob: Person, settle: Settle
) -> None:
    alice.say(token, "walrus stays")
    alice.post(f"v4/room/{token}/message-expiration", seconds=60)
    alice.say(token, "walrus goes")
    settle()
    assert found(bob, "walrus") == ["walrus goes", "walrus stays"]
    monkeypatch.setattr(clock, "source", lambda: time.time() + 61)
    assert found(bob, "walrus") == ["walrus stays"]


def test_edited_and_deleted_messages_are_found_as_they_are_now(
    token: str, alice: Person, bob: Person, settle: Settle
) -> None:
    edited, deleted = alice.say(token, "the walrus"), alice.say(token, "another walrus")
    bob.say(token, "a third walrus")
    settle()
    alice.put(f"v1/chat/{token}/{edited['id']}", message="the carpenter")
    alice.delete(f"v1/chat/{token}/{deleted['id']}")
    for _ in range(2):
        assert found(bob, "walrus") == ["a third walrus"]
        assert found(bob, "carpenter") == ["the carpenter"]
        assert found(bob, "deleted") == found(bob, "edited") == []
        settle()
    alice.delete(f"v1/chat/{token}")
    assert found(bob, "walrus") == found(bob, "carpenter") == found(bob, "history") == []
    bob.say(token, "walrus again")
    settle()
    assert found(alice, "walrus") == ["walrus again"]
    alice.delete(f"v4/room/{token}")
    assert found(alice, "walrus") == []


def test_deleted_accounts_are_not_found_by_their_former_names(
    server: Server, token: str, alice: Person, bob: Person, settle: Settle
) -> None:
    gone = server.add_user("dave", display_name="Old Walrus")
    alice.add(token, gone)
    bob.say(token, f"ask @{gone.id} about @{alice.id}")
    settle()
    assert found(bob, "walrus") == ["ask @Old Walrus about @Alice"]
    account = f"/ocs/v2.php/cloud/users/{gone.id}"
    server.admin.put(account, json={"key": "displayname", "value": "Dave"}).raise_for_status()
    server.admin.delete(account).raise_for_status()
    assert found(bob, "walrus") == found(bob, "dave") == []
    assert found(bob, "ask") == ["ask @Deleted user about @Alice"]


def test_system_messages_are_not_found(token: str, alice: Person, settle: Settle) -> None:
    assert CHANGELOG in {room["type"] for room in alice.get("v4/room")}
    alice.say(token, "walrus")
    alice.post(f"v1/reaction/{token}/{alice.history(token)[0]['id']}", reaction="👍")
    settle()
    for term in ("created", "{actor}", "conversation", "talk", "user_added", "👍"):
        assert found(alice, term) == [], term
    assert found(alice, "walrus") == ["walrus"]


def test_mentions_are_found_and_shown_by_name(server: Server, token: str, alice: Person, bob: Person) -> None:
    said = alice.say(token, f"ask @{bob.id} about @all of it")
    assert found(alice, "ask @bob about") == ["ask @Bob about @all of it"]
    assert found(alice, "mention") == found(alice, "user1") == found(alice, "{") == []
    alice.put(f"v1/chat/{token}/{said['id']}", message=f"do not ask @{alice.id}")
    assert found(alice, "@bob") == []
    index(server)
    assert found(alice, "@alice") == ["do not ask @Alice"]


def test_polls_and_locations_are_found_by_name(token: str, alice: Person, bob: Person, settle: Settle) -> None:
    alice.post(f"v1/poll/{token}", question="Walrus or oyster?", options=["a", "b"], resultMode=0, maxVotes=1)
    location = '{"name": "Oyster bar", "latitude": "1", "longitude": "2"}'
    alice.post(f"v1/chat/{token}/share", objectType="geo-location", objectId="geo:52.5,13.4", metaData=location)
    settle()
    assert found(bob, "oyster b") == ["Oyster bar"]
    assert found(bob, "or oyster") == ["Walrus or oyster?"]
    assert found(bob, "object") == []


def test_pages_have_each_message_once_while_others_are_sent(token: str, alice: Person, bob: Person) -> None:
    said = [alice.say(token, f"walrus {number}") for number in range(12)]
    seen: list[str] = []
    cursor = 0
    for size in (5, 5, 2, 0):
        page = results(bob, "walrus", cursor=cursor)
        assert (page["isPaginated"], len(page["entries"])) == (True, size)
        seen += [entry["subline"] for entry in page["entries"]]
        cursor = page["cursor"]
        alice.say(token, "walrus, late")
        if size == 5:
            newest = said.pop()
            alice.delete(f"v1/chat/{token}/{newest['id']}")
    assert seen == [f"walrus {number}" for number in reversed(range(12))]
    assert cursor == 5
    assert results(bob, "walrus", cursor=cursor)["entries"] == []


def test_the_index_catches_up_with_many_messages(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user("alice")
    token, db = alice.create_room(), sqlite_server.app.world.db

    async def flood(tx: Tx) -> None:
        await tx.run(_FLOOD, token=token, many=5 * AT_ONCE + 1)

    sqlite_server.write(flood)
    sqlite_server.run(db.catch_up())
    assert sqlite_server.read(is_behind) is False


def test_the_size_of_a_page(token: str, alice: Person) -> None:
    for number in range(27):
        alice.say(token, f"walrus {number}")
    sizes = [len(results(alice, "walrus", limit=limit)["entries"]) for limit in (0, -3, 7, 1000)]
    assert sizes == [1, 1, 7, 25]


def test_the_longest_message_is_found_by_its_end(server: Server, token: str, alice: Person) -> None:
    text = "".join(chr(0x1F300 + number % 700) + chr(0x4E00 + number) for number in range(16_000))
    alice.say(token, text)
    index(server)
    (entry,) = results(alice, text[-5:], conversation=token)["entries"]
    assert entry["subline"] == f"…{text[-15:]}"


def test_long_terms_are_compared_up_to_the_end(token: str, alice: Person, bob: Person, settle: Settle) -> None:
    """The index is asked only for a few of the first sequences of a term."""
    texts = [f"{'walrus and carpenter ' * 5}eat {what}" for what in ("oysters", "nothing", "oyster")]
    for text in texts:
        alice.say(token, text)
    settle()
    assert found(bob, texts[1]) == [texts[1]]
    assert found(bob, texts[2]) == [texts[2], texts[0]]
    assert found(bob, f"{texts[0]}!") == []
    assert len(found(bob, "carpenter eat oyst")) == 2
    assert found(bob, "eat walrus") == found(bob, "oysters eat") == []


_TEXTS = st.text(
    st.one_of(
        st.characters(max_codepoint=0x24F, exclude_characters="\x00İ", exclude_categories=["Cs"]),
        st.sampled_from("жЖ会议日本שלום👍🏽🇩🇪\u200d\u0301\ufeff"),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=25)
@given(_TEXTS, st.data())
def _check_any_term(server: Server, token: str, alice: Person, text: str, data: st.DataObject) -> None:
    said = alice.request("POST", f"v1/chat/{token}", message=text)
    if said.status_code != 201:
        return  # a text of only space is refused
    message = said.json()["ocs"]["data"]
    text = message["message"]
    if data.draw(st.booleans(), "indexed"):
        index(server)
    start = data.draw(st.integers(0, len(text) - 1))
    term = text[start : start + data.draw(st.integers(1, 10))].strip()
    if term:
        page = results(alice, term, conversation=token)
        assert str(message["id"]) in {entry["attributes"]["messageId"] for entry in page["entries"]}
    other = data.draw(_TEXTS).strip()
    if other:
        assert all(searchable(other) in searchable(each) for each in found(alice, other, conversation=token))


@pytest.mark.parametrize("text", ["µ", "ſo", "ως", "ΩΣ", "ß", "Ꭰ", "ẛ"])
def test_letters_that_are_compared_as_equal_are_found_as_written(
    token: str, alice: Person, settle: Settle, text: str
) -> None:
    alice.say(token, f"about {text} again")
    settle()
    assert found(alice, text, conversation=token) == [f"about {text} again"]


def test_any_term_is_safe_and_finds_the_messages_that_contain_it(server: Server, token: str, alice: Person) -> None:
    _check_any_term(server, token, alice)


@given(st.lists(st.integers(1, 2**40), unique=True, min_size=1, max_size=25), st.integers(1, 25))
def test_a_cursor_continues_after_the_last_result(message_ids: list[int], limit: int) -> None:
    page = sorted(message_ids, reverse=True)[:limit]
    below = model.before_cursor(model.cursor_after(page, limit))
    assert below == (page[-1] if len(page) == limit else 0)
    assert model.before_cursor(0) > max(message_ids)


def test_long_texts_are_shortened_to_begin_before_the_match() -> None:
    assert view.excerpt("walrus", "walrus") == "walrus"
    assert view.excerpt(f"{'x' * 25} far walrus", "WALRUS") == f"{'x' * 25} far walrus"
    assert view.excerpt(f"{'x' * 40} so far off: walrus!", "walrus") == "… far off: walrus!"


def test_rare_and_common_words_are_found(server: Server, token: str, alice: Person, bob: Person) -> None:
    """Covers each step of a search: the newest messages, the newest matches of the index, all matches."""
    aside = alice.create_room()

    async def fill(tx: Tx) -> None:
        for room, text, many in (
            (token, "early walrus", 3),
            (aside, "often otter", COMMON + 100),
            (token, "late", 1_200),
        ):
            await tx.run(_SAY_OFTEN, token=room, text=text, many=many)
            await tx.run(_NOTE_LAST, token=room)

    server.write(fill)
    alice.say(token, "an otter")
    for _ in range(2):
        assert found(bob, "otter", conversation=token) == ["an otter"]
        assert found(bob, "otter") == ["an otter"]
        assert found(bob, "walrus") == [f"early walrus {number}" for number in (2, 1, 0)]
        assert found(bob, "wa") == found(bob, "walrus")
        assert found(alice, "otter", limit=2) == ["an otter", f"often otter {COMMON + 99}"]
        assert found(bob, "platypus") == []
        index(server)


def test_common_words_are_found_beside_many_messages_of_others(
    server: Server, token: str, alice: Person, bob: Person
) -> None:
    aside = alice.create_room()

    async def fill(tx: Tx) -> None:
        for room, text, many in (
            (token, "early walrus", 40),
            (token, "nothing", 150),
            (aside, "often otter", 2 * store.NEAR),
            (token, "walrus", 3),
            (token, "late", 5),
        ):
            await tx.run(_SAY_OFTEN, token=room, text=text, many=many)
            await tx.run(_NOTE_LAST, token=room)

    server.write(fill)
    for _ in range(2):
        walruses = [
            *(f"walrus {number}" for number in (2, 1, 0)),
            *(f"early walrus {39 - number}" for number in range(40)),
        ]
        assert found(bob, "walrus", limit=25) == walruses[:25]
        assert found(bob, "nothing", limit=25) == [f"nothing {149 - number}" for number in range(25)]
        assert found(bob, "otter") == []
        index(server)
