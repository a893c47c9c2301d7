"""No answer tells an e-mail address to somebody who may not know it, whoever asks and whatever they ask for.

The test looks for the addresses of accounts and of people invited by e-mail in every answer that each caller gets:
those of the writes that build the rooms, and those of all GET operations. It looks in mails and in the log, too.
"""

import json
import logging
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import httpx
import msgspec
import pytest

from support.files import Files
from support.mail import MailServer, running_mail_server, wait_until_empty
from support.people import PUBLIC, Person
from support.running import ADMIN, ADMIN_PASSWORD, Server, set_interval, unique
from talkd.app import ROUTES
from talkd.areas.signaling import routes as signaling
from talkd.config import Config
from talkd.conversation import attendee_store, room_store
from talkd.storage.database import Tx
from talkd.web.routing import Kind, Route

DOMAIN = "secret.example.org"
"""The domain of all addresses in this test, and of nothing else."""


@dataclass
class Meeting:
    """Rooms with callers of every kind, and the answers that each of them got."""

    server: Server
    people: dict[str, Person] = field(default_factory=dict)
    answers: dict[str, list[httpx.Response]] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)
    ids: dict[str, list[Any]] = field(default_factory=dict)
    """Values for the parameters in the paths of operations."""

    def note(self, name: str, person: Person) -> Person:
        """Add a caller, and record every answer that they get from now on."""
        person.http.event_hooks = {"response": [self.answers.setdefault(name, []).append]}
        self.people[name] = person
        return person

    def account(self, name: str) -> Person:
        """Add a user with an e-mail address."""
        made = self.server.add_user(name)
        change = {"key": "email", "value": f"{made.id}@{DOMAIN}"}
        assert self.server.admin.put(f"/ocs/v2.php/cloud/users/{made.id}", json=change).status_code == 200
        return self.note(name, made)

    def invite(self, name: str, token: str, by: Person) -> Person:
        """Invite somebody by e-mail, and let them follow the link."""
        address = f"{unique(name)}@{DOMAIN}"
        by.add(token, address, "emails")
        person = self.note(name, self.server.visitor())

        async def find(tx: Tx) -> str:
            room = await room_store.get_room(tx, token)
            assert room is not None
            people = await attendee_store.list_attendees(tx, room.id)
            return next(each.access_token for each in people if each.invited_address == address)

        person.join(token, email=address, access=self.server.read(find))
        return person

    def __getattr__(self, name: str) -> Person:
        return self.people[name]


def gather(server: Server) -> Meeting:
    """Create the rooms, and let all callers leave traces in them."""
    meeting = Meeting(server)
    for name in ("owner", "moderator", "demoted", "member", "follower", "former", "outsider", "waiter"):
        meeting.account(name)
    meeting.note("admin", Person(server.client(ADMIN, ADMIN_PASSWORD), ADMIN))
    meeting.note("visitor", server.visitor())
    password = meeting.member.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    meeting.note("device", Person(server.client(meeting.member.id, password), meeting.member.id))
    _fill_main_room(meeting)
    _fill_lobby(meeting)
    _divide(meeting)
    return meeting


def _fill_main_room(meeting: Meeting) -> None:
    owner = meeting.owner
    token = meeting.rooms["main"] = owner.create_room(PUBLIC, "Main room")
    for name in ("moderator", "demoted", "member", "former"):
        owner.add(token, meeting.people[name])
    for name in ("guest", "guest_moderator"):
        meeting.note(name, meeting.server.visitor())
    for name in ("moderator", "demoted", "member", "former", "follower", "guest", "guest_moderator", "owner"):
        meeting.people[name].join(token)
    for name in ("invited", "invited_moderator", "absent"):
        meeting.invite(name, token, owner)
    by_id = {
        name: person.join(token)["actorId"]
        for name, person in meeting.people.items()
        if name in ("guest_moderator", "invited", "invited_moderator", "absent")
    }
    for each in (meeting.moderator.id, meeting.demoted.id, by_id["guest_moderator"], by_id["invited_moderator"]):
        owner.post(f"v4/room/{token}/moderators", attendeeId=owner.attendee(token, each))
    _leave_traces(meeting, token, by_id["invited"])
    owner.delete(f"v4/room/{token}/moderators", attendeeId=owner.attendee(token, meeting.demoted))
    owner.delete(f"v4/room/{token}/attendees", attendeeId=owner.attendee(token, meeting.former))
    ban = owner.post(f"v1/ban/{token}", actorType="emails", actorId=by_id["absent"])
    meeting.ids["banId"] = [ban["id"]]


def _leave_traces(meeting: Meeting, token: str, invited_id: str) -> None:
    owner = meeting.owner
    present = [each for name, each in meeting.people.items() if name not in ("admin", "visitor", "outsider", "waiter")]
    for person in present:
        person.request("POST", f"v4/call/{token}", flags=1)
    said = owner.say(token, f'@"email/{invited_id}" @"{meeting.member.id}" @all')["id"]
    poll = owner.post(f"v1/poll/{token}", question="?", options=["a", "b"], resultMode=0, maxVotes=1)["id"]
    meeting.ids |= {"messageId": [said], "pollId": [poll], "id": [], "invited": [invited_id]}
    for person in present:
        person.request("POST", f"v1/chat/{token}", message=f'@"{owner.id}" and @"email/{invited_id}"', replyTo=said)
        person.request("POST", f"v1/reaction/{token}/{said}", reaction="👍")
        person.request("POST", f"v1/poll/{token}/{poll}", optionIds=[0])
        person.request("POST", f"v1/chat/{token}/{said}/reminder", timestamp=4_000_000_000)
        person.request("PUT", f"v1/chat/{token}/{said}", message="mine?")
        person.request("POST", f"v4/room/{token}/participants/resend-invitations")
    for person in (meeting.invited_moderator, meeting.guest_moderator, meeting.moderator):
        number = person.participants(token)[invited_id]["attendeeId"]
        person.request("POST", f"v4/room/{token}/moderators", attendeeId=number)
        person.request("DELETE", f"v4/room/{token}/moderators", attendeeId=number)
        rights = {"attendeeId": number, "method": "set", "permissions": 255}
        person.request("PUT", f"v4/room/{token}/attendees/permissions", **rights)
        person.request("POST", f"v4/call/{token}/ring/{number}")
    files = Files(owner)
    files.put("/shared.txt")
    sharing = "/ocs/v2.php/apps/files_sharing/api/v1/shares"
    shared = {"path": "/shared.txt", "shareType": 10, "shareWith": token}
    owner.http.post(sharing, json=shared).raise_for_status()
    meeting.ids["fileId"] = [int(files.list("/shared.txt", 0, "oc:fileid")["/shared.txt"]["fileid"])]
    meeting.ids["messageId"] += [each["id"] for each in owner.history(token)][:3]


def _fill_lobby(meeting: Meeting) -> None:
    owner = meeting.owner
    token = meeting.rooms["lobby"] = owner.create_room(PUBLIC, "Lobby", listable=2)
    owner.add(token, meeting.waiter)
    meeting.invite("waiting_invited", token, owner)
    owner.put(f"v4/room/{token}/webinar/lobby", state=1)
    meeting.waiter.join(token)


def _divide(meeting: Meeting) -> None:
    """Create a room with breakout rooms. The people invited by e-mail stay in the parent room."""
    owner = meeting.owner
    token = meeting.rooms["divided"] = owner.create_room(PUBLIC, "Divided")
    for name in ("moderator", "member", "former"):
        owner.add(token, meeting.people[name])
    meeting.invite("divided_invited", token, owner)
    owner.delete(f"v4/room/{token}/public")
    seats = {owner.attendee(token, meeting.people[name]): number for number, name in enumerate(("member", "former"))}
    made = owner.post(f"v1/breakout-rooms/{token}", mode=2, amount=2, attendeeMap=json.dumps(seats))
    owner.post(f"v1/breakout-rooms/{token}/rooms")
    parts = [room["token"] for room in made if room["objectType"] == "room"]
    meeting.rooms |= {"part": parts[0], "other part": parts[1]}
    for part, name in zip(parts, ("member", "former"), strict=True):
        for person in (meeting.people[name], owner):
            person.join(part)
            person.post(f"v4/call/{part}", flags=1)
            person.say(part, f'@"{owner.id}" here')


# --- requests to every operation -------------------------------------------------------------------
def _urls(meeting: Meeting, name: str, route: Route) -> Iterator[str]:
    """Yield the addresses of an operation with all known values of the parameters in its path."""
    own = [each["notification_id"] for each in meeting.ids.get(f"notifications of {name}", [])]
    tokens = [token for key, token in meeting.rooms.items() if key != "other part"]
    values: dict[str, list[Any]] = {
        "token": tokens,
        "room": tokens,
        "id": own[:5] or [1],
        "user_id": [each.id for each in meeting.people.values() if each.id],
        "user": [meeting.owner.id],
        "name": ["Guest"],
        "size": [64],
        "flow": ["x"],
        "app": ["spreed", "core"],
        "key": ["start_calls"],
        "providerId": ["talk-message", "talk-message-current", "talk-conversations"],
        "group_id": ["admin"],
        "serverId": ["0"],
        "pin": ["1234567"],
        "owner": [meeting.owner.id],
        "*path": ["", "shared.txt"],
        **{key: meeting.ids[key] for key in ("messageId", "pollId", "banId", "fileId")},
    }
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    for chosen in product(*(values[key] for key in names)):
        path = route.path
        for key, value in zip(names, chosen, strict=True):
            path = path.replace(f"{{{key}}}", str(value))
        yield path


QUERIES: dict[str, list[Any]] = {
    "search": ["", "secret", "invited"],
    "term": ["secret", "here"],
    "searchTerm": [""],
    "lookIntoFuture": [0, 1],
    "shareTypes": [[0, 1, 4]],
    "itemId": ["new"],
    "includeStatus": ["true"],
    "noStatusUpdate": [1],
    "limit": [100],
    "order": ["activity"],
    "objectType": ["location"],
    "lastKnownMessageId": [0],
    "includeLastMessage": ["true"],
}


def _queries(route: Route) -> Iterator[dict[str, Any]]:
    """Yield parameters with which an operation returns as much as possible."""
    known = {each.encode_name for each in msgspec.structs.fields(route.params)} & QUERIES.keys()
    for chosen in product(*(QUERIES[key] for key in sorted(known))):
        given = dict(zip(sorted(known), chosen, strict=True))
        yield {f"{key}[]" if isinstance(value, list) else key: value for key, value in given.items()} | {"timeout": 0}


def ask_for_everything(meeting: Meeting, name: str) -> None:
    """Let a caller send a request to every operation that reads."""
    person = meeting.people[name]
    if person.id:
        meeting.ids[f"notifications of {name}"] = person.get("/ocs/v2.php/apps/notifications/api/v2/notifications")
    for route in ROUTES:
        if route.method not in ("GET", "PROPFIND") or route.path.startswith(("/static", "/client", "/admin")):
            continue
        for url in _urls(meeting, name, route):
            for query in _queries(route):
                address = f"/ocs/v2.php{url}" if route.kind is Kind.OCS else url
                person.http.request(route.method, address, params=query)
            if route.kind is Kind.OCS and meeting.rooms["main"] in url:
                person.http.get(f"/ocs/v1.php{url}", params={**query, "format": "xml"})


# --- expected answers --------------------------------------------------------------------------
def told(meeting: Meeting, name: str) -> set[tuple[str, str]]:
    """Return room and kind of all answers that had the address of somebody else."""
    own = f"{meeting.people[name].id or 'nobody'}@{DOMAIN}"
    shown = set()
    for answer in meeting.answers[name]:
        if DOMAIN in f"{answer.text} {answer.headers}".lower().replace(own, ""):
            path = answer.request.url.path
            room = next((key for key, token in meeting.rooms.items() if token in path), "")
            shown.add((room, path.rpartition("/")[2] if room else path.partition("/cloud/")[2].partition("/")[0]))
    return shown


LISTS = {("main", "participants"), ("main", "download")}
KNOWN = {
    "owner": LISTS | {("lobby", "participants"), ("part", "download")},
    "moderator": LISTS | {("main", "permissions")},  # a write that answers with the participants
    "admin": {("", "users")},
}
"""The answers in which moderators with an account and administrators see addresses. Nobody else sees any."""


@pytest.fixture(params=["sqlite", "postgres"])
def mailing(
    request: pytest.FixtureRequest,
    databases: Any,
    new_server: Callable[[Config], Server],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Server, MailServer]]:
    """A server that sends mail. The mail server refuses one recipient."""
    monkeypatch.setattr(signaling, "MAX_POLL_SECONDS", 0)  # so that polls do not wait
    set_interval(monkeypatch, "deliver_mail", 0.05)
    config: Config = databases.config(request.param)
    config.server.public_url = "http://talk.test"
    config.mail.security, config.mail.sender = "none", "talk@talk.test"
    with running_mail_server() as mails:
        mails.refuses = lambda line: f"550 not {line.decode()}" if b"ABSENT" in line else None
        config.mail.host, config.mail.port = "127.0.0.1", mails.port
        yield new_server(config), mails


@pytest.mark.timeout(400)  # it sends thousands of requests
def test_addresses_reach_those_who_may_know_them_and_nobody_else(
    mailing: tuple[Server, MailServer], caplog: pytest.LogCaptureFixture
) -> None:
    server, mails = mailing
    caplog.set_level(logging.DEBUG, "talkd")
    caplog.set_level(logging.WARNING, "httpx")  # the log of the test's own client
    caplog.set_level(logging.WARNING, "httpcore")
    meeting = gather(server)
    for name in meeting.people:
        ask_for_everything(meeting, name)
        assert told(meeting, name) == KNOWN.get(name, set()), name
    wait_until_empty(server)
    for mail in mails.mails:
        text = urllib.parse.unquote(mail.as_string())
        assert DOMAIN not in text.replace(mail["To"], ""), "a mail names its recipient only"
    logged = [str(vars(record)) for record in caplog.records]
    assert mails.mails
    assert any("mail_failed" in line for line in logged)
    assert [line for line in logged if DOMAIN in line] == []
