"""Sharing locations, cards and other things, and listing them."""

from typing import Any

import msgspec
import pytest

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.areas.sharing.model import require_thing
from talkd.core import clock
from talkd.core.errors import Invalid

LOCATION = "geo:52.5450511,13.3741463"
SOMEWHERE = {"id": LOCATION, "name": "Somewhere", "latitude": "52.5450511", "longitude": "13.3741463"}
HOME = "https://talk.example.org"
CARD = {"name": "Card", "boardname": "Board", "stackname": "Stack", "link": f"{HOME}/apps/deck/card/17"}
KINDS = ["audio", "deckcard", "file", "location", "media", "other", "poll", "recording", "voice"]


def meta(**fields: str) -> str:
    return msgspec.json.encode(fields).decode()


def share(person: Person, token: str, **changes: Any) -> dict[str, Any]:
    wanted = {"objectType": "geo-location", "objectId": LOCATION, "metaData": meta(**SOMEWHERE), **changes}
    shared: dict[str, Any] = person.post(f"v1/chat/{token}/share", **wanted)
    return shared


def overview(person: Person, token: str, **params: Any) -> dict[str, list[int]]:
    """Return the message ids by kind, without empty kinds."""
    shown = person.get(f"v1/chat/{token}/share/overview", **params)
    assert list(shown) == KINDS
    return {kind: [each["id"] for each in found] for kind, found in shown.items() if found}


def listed(person: Person, token: str, kind: str, **params: Any) -> list[int]:
    shown = person.get(f"v1/chat/{token}/share", objectType=kind, **params)
    assert shown == [] or [str(each["id"]) for each in shown.values()] == list(shown)
    return [int(each) for each in shown]


@pytest.fixture
def with_public_url(server: Server) -> Any:
    """Configure the server's own address."""
    server.config.server.public_url = HOME
    yield
    server.config.server.public_url = ""


# --- sharing --------------------------------------------------------------------------------
def test_a_location_is_a_message_of_its_sender(alice: Person, bob: Person, token: str) -> None:
    shared = share(alice, token, referenceId="a" * 64)
    assert (shared["message"], shared["messageType"], shared["systemMessage"], shared["referenceId"]) == (
        "{object}",
        "comment",
        "",
        "a" * 64,
    )
    thing = shared["messageParameters"]["object"]
    assert list(thing) == ["id", "name", "latitude", "longitude", "type", "icon-url"]
    assert thing == {**SOMEWHERE, "type": "geo-location", "icon-url": thing["icon-url"]}
    assert thing["icon-url"].endswith(f"/room/{token}/avatar")
    assert bob.history(token)[0]["messageParameters"]["object"] == thing
    assert (bob.room(token)["unreadMessages"], alice.room(token)["unreadMessages"]) == (1, 0)
    assert bob.room(token)["lastMessage"]["id"] == shared["id"]


def test_a_thing_can_be_shared_silently_and_replied_to(alice: Person, bob: Person, token: str) -> None:
    shared = share(alice, token, silent=True)
    assert shared["silent"] is True
    answer = bob.say(token, "Nice there", replyTo=shared["id"])
    assert answer["parent"]["messageParameters"]["object"]["name"] == "Somewhere"


def test_a_repeated_reference_does_not_share_twice(alice: Person, token: str) -> None:
    first, again = (share(alice, token, referenceId="again") for _ in range(2))
    other = share(alice, token, objectId="geo:1,2", referenceId="again")
    assert first["id"] == again["id"] != other["id"]


def test_sharing_adds_the_other_user_to_a_one_to_one_room_again(alice: Person, bob: Person) -> None:
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    assert token not in bob.rooms()
    share(alice, token)
    assert bob.rooms()[token]["unreadMessages"] == 1


def test_guests_share_with_the_name_they_send(server: Server, alice: Person) -> None:
    token, guest = alice.create_room(PUBLIC), server.visitor()
    guest.join(token)
    share(guest, token, actorDisplayName="Ada")
    assert alice.history(token)[0]["actorDisplayName"] == "Ada"


def test_latitude_and_longitude_come_from_the_id(alice: Person, token: str) -> None:
    thing = share(
        alice, token, objectId="geo:-12.5,-170.25,10;crs=wgs84;u=5", metaData=meta(**{**SOMEWHERE, "latitude": "1"})
    )["messageParameters"]["object"]
    assert (thing["id"], thing["latitude"], thing["longitude"]) == (
        "geo:-12.5,-170.25,10;crs=wgs84;u=5",
        "-12.5",
        "-170.25",
    )


def test_a_thing_that_is_too_long_for_a_message_is_refused(alice: Person, token: str) -> None:
    refused = alice.refused(
        "POST",
        f"v1/chat/{token}/share",
        objectType="geo-location",
        objectId=LOCATION,
        metaData=meta(**{**SOMEWHERE, "name": "x" * 32_000}),
    )
    assert refused == (413, "message")


@pytest.mark.parametrize("missing", ["objectType", "objectId"])
def test_type_and_id_must_be_given(alice: Person, token: str, missing: str) -> None:
    wanted = {"objectType": "geo-location", "objectId": LOCATION, "metaData": meta(**SOMEWHERE)}
    del wanted[missing]
    assert alice.refused("POST", f"v1/chat/{token}/share", **wanted) == (400, missing)


@pytest.mark.usefixtures("with_public_url")
def test_links_to_other_servers_are_refused(alice: Person, token: str) -> None:
    card = share(alice, token, objectType="deck-card", objectId="17", metaData=meta(**CARD))
    assert card["messageParameters"]["object"]["link"] == CARD["link"]
    elsewhere = meta(**{**CARD, "link": "https://talk.example.org.evil.example/17"})
    refused = alice.refused("POST", f"v1/chat/{token}/share", objectType="deck-card", objectId="17", metaData=elsewhere)
    assert refused == (400, "link")


def test_a_server_without_an_address_refuses_links(alice: Person, token: str) -> None:
    refused = alice.http.post(
        f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}/share",
        json={"objectType": "deck-card", "objectId": "17", "metaData": meta(**CARD)},
        headers={"Host": "talk.example.org"},
    )
    assert (refused.status_code, refused.json()["ocs"]["data"]) == (400, {"error": "link"})


# --- fields and links -----------------------------------------------------------------------
@pytest.mark.parametrize(
    "object_type",
    ["file", "talk-poll", "user", "guest", "user-group", "circle", "highlight", "open-graph", "users", ""],
)
def test_types_that_clients_would_trust_are_refused(object_type: str) -> None:
    with pytest.raises(Invalid, match="object"):
        require_thing(object_type, "1", meta(name="x"), HOME)


@pytest.mark.parametrize(
    "location",
    [
        "x",
        "geo:1",
        "geo:1,2,",
        "geo:1,2;u=x",
        "geo:91,2",
        "geo:1,181",
        "geo:1,2?q=x",
        "geo:1,2\n",
        "geo:１,2",
        "javascript:alert(1)//geo:1,2",
        "geo:1,2;crs=mars",
        "",
    ],
)
def test_an_invalid_location_is_refused(location: str) -> None:
    with pytest.raises(Invalid, match="object"):
        require_thing("geo-location", location, meta(**SOMEWHERE), HOME)


@pytest.mark.parametrize(
    "meta_data",
    [
        "",
        "broken",
        "[]",
        '"text"',
        "null",
        '{"name": 5, "latitude": "1", "longitude": "2"}',
        '{"name": "x", "latitude": "1"}',
        '{"name": "\\u202e ", "latitude": "1", "longitude": "2"}',
    ],
)
def test_a_location_without_its_fields_is_refused(meta_data: str) -> None:
    with pytest.raises(Invalid, match="object"):
        require_thing("geo-location", LOCATION, meta_data, HOME)


@pytest.mark.parametrize(
    "link",
    [
        "http://talk.example.org/17",
        "https://talk.example.org:8443/17",
        "//talk.example.org/17",
        "/17",
        "https://somebody@talk.example.org/17",
        "https://talk.example.org\\@evil.example/17",
        "javascript:alert(1)",
        "https://talk.example.org@evil.example/17",
        "https://evil.example#@talk.example.org/",
        "https://talk.example.org/1 7",
        "https://talk.example.org/\n17",
        "https://talk.example.org:x/",
        "https://[/",
        "",
        "data:text/html,https://talk.example.org/",
    ],
)
def test_forged_links_are_refused(link: str) -> None:
    with pytest.raises(Invalid, match="link"):
        require_thing("deck-card", "17", meta(**{**CARD, "link": link}), HOME)


@pytest.mark.parametrize("home", [HOME, "https://talk.example.org:443", "https://talk.example.org/cloud"])
def test_links_get_the_address_of_this_server(home: str) -> None:
    thing = require_thing("deck-card", "17", meta(**{**CARD, "link": "HTTPS://TALK.example.org/a?b=c#d"}), home)
    assert thing.fields["link"] == f"{home.removesuffix('/cloud')}/a?b=c#d"


def test_unknown_fields_are_dropped() -> None:
    said = {**SOMEWHERE, "name": "So\u202emewhere", "link": "https://evil.example", "type": "file", "icon-url": "x"}
    thing = require_thing("geo-location", LOCATION, meta(**said), HOME)
    assert thing.fields == {**SOMEWHERE, "type": "geo-location"}


@pytest.mark.parametrize(("kind", "fits"), [("group", True), ("one2one", True), ("secret", False)])
def test_a_call_has_a_known_type(kind: str, fits: bool) -> None:
    said = meta(name="Team", **{"call-type": kind})
    if fits:
        assert require_thing("call", "abcd2345", said, "").fields["call-type"] == kind
    else:
        with pytest.raises(Invalid, match="object"):
            require_thing("call", "abcd2345", said, "")


# --- listing --------------------------------------------------------------------------------
@pytest.mark.usefixtures("with_public_url")
def test_shared_things_are_listed_by_kind(alice: Person, bob: Person, token: str) -> None:
    assert overview(bob, token) == {}
    locations = [share(alice, token)["id"] for _ in range(3)]
    card = share(alice, token, objectType="deck-card", objectId="17", metaData=meta(**CARD))["id"]
    date = share(alice, token, objectType="calendar-event", objectId="a/b", metaData=meta(name="Lunch"))["id"]
    alice.post(f"v1/poll/{token}", question="Where?", options=["a", "b"], resultMode=0, maxVotes=1)
    poll = alice.history(token)[0]["id"]
    alice.say(token, "{object}")
    assert overview(bob, token) == {
        "deckcard": [card],
        "location": locations[::-1],
        "other": [date],
        "poll": [poll],
    }
    assert overview(bob, token, limit=1) == {
        "deckcard": [card],
        "location": locations[2:],
        "other": [date],
        "poll": [poll],
    }
    assert listed(bob, token, "location") == locations
    assert listed(bob, token, "poll") == [poll]
    assert [listed(bob, token, kind) for kind in ("file", "pinned", "nosuchkind", "")] == [[], [], [], []]
    assert bob.refused("GET", f"v1/chat/{token}/share") == (400, "objectType")


def test_pages_go_back_from_the_newest(alice: Person, bob: Person, token: str) -> None:
    locations = [share(alice, token)["id"] for _ in range(5)]
    known, pages = 0, []
    while True:
        answer = bob.request("GET", f"v1/chat/{token}/share", objectType="location", limit=2, lastKnownMessageId=known)
        given = answer.headers.get("X-Chat-Last-Given")
        if not answer.json()["ocs"]["data"]:
            assert given is None
            break
        pages.append([int(each) for each in answer.json()["ocs"]["data"]])
        known = int(given or 0)
    assert pages == [locations[3:], locations[1:3], locations[:1]]


def test_limits_of_lists_and_overviews(alice: Person, token: str) -> None:
    for _ in range(21):
        share(alice, token)
    assert len(overview(alice, token)["location"]) == 7
    assert len(overview(alice, token, limit=1000)["location"]) == 20
    assert len(listed(alice, token, "location", limit=1000)) == 21
    assert len(listed(alice, token, "location", limit=-1)) == 1


def test_a_deleted_thing_is_not_listed(alice: Person, bob: Person, token: str) -> None:
    kept, shared = share(alice, token)["id"], share(bob, token)["id"]
    assert bob.refused("DELETE", f"v1/chat/{token}/{kept}") == (403, "permission")
    assert bob.refused("PUT", f"v1/chat/{token}/{shared}", message="x") == (405, "message")
    report = alice.delete(f"v1/chat/{token}/{shared}")
    assert report["parent"]["deleted"] is True
    assert list(report["parent"]["messageParameters"]) == ["actor"]
    assert overview(bob, token) == {"location": [kept]}
    assert listed(bob, token, "location") == [kept]


def test_a_deleted_poll_is_not_listed(alice: Person, token: str) -> None:
    alice.post(f"v1/poll/{token}", question="Where?", options=["a", "b"], resultMode=0, maxVotes=1)
    poll = alice.history(token)[0]["id"]
    assert overview(alice, token) == {"poll": [poll]}
    alice.delete(f"v1/chat/{token}/{poll}")
    assert overview(alice, token) == {}


def test_a_poll_with_the_longest_question_is_listed(alice: Person, token: str) -> None:
    alice.post(f"v1/poll/{token}", question="?" * 32_000, options=["a", "b"], resultMode=0, maxVotes=1)
    assert len(listed(alice, token, "poll")) == 1


def test_expired_and_cleared_things_are_not_listed(
    alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lasting = share(alice, token)["id"]
    alice.post(f"v4/room/{token}/message-expiration", seconds=3600)
    fleeting = share(alice, token)["id"]
    assert overview(bob, token) == {"location": [fleeting, lasting]}
    later = clock.now() + 3600
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        assert overview(bob, token) == {"location": [lasting]}
        assert listed(bob, token, "location") == [lasting]
    alice.delete(f"v1/chat/{token}")
    assert overview(bob, token) == {}


def test_things_of_other_rooms_are_not_listed(server: Server, alice: Person, bob: Person, token: str) -> None:
    other = alice.create_room(GROUP)
    share(alice, other)
    assert overview(alice, token) == {}
    stranger = server.add_user("stranger")
    for path, params in (("share/overview", {}), ("share", {"objectType": "location"})):
        assert stranger.status("GET", f"v1/chat/{other}/{path}", **params) == 404
        assert bob.status("GET", f"v1/chat/{other}/{path}", **params) == 404
