"""The outbox: no mail is sent twice, and a mail that fails does not stop others."""

import smtplib
import time
from email.headerregistry import Address
from email.message import EmailMessage
from threading import Event
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from support.mail import MailServer, wait_for, wait_until_empty
from support.people import PUBLIC, Person
from support.running import Server, set_interval, unique
from talkd.areas.mail import model, postman, service, store
from talkd.areas.mail.address_model import deliverable, is_address
from talkd.core import clock
from talkd.storage.schema import mail_outbox, rooms
from talkd.storage.statements import Statement, bind

POISON = Statement(sa.update(mail_outbox).values(address=bind("bad")).where(mail_outbox.c.address == bind("good")))


def address() -> str:
    return f"{unique('guest')}@example.org"


def invite(moderator: Person, *addresses: str) -> None:
    """Invite these addresses into a new room, in this order."""
    token = moderator.create_room(PUBLIC)
    for each in addresses:
        moderator.add(token, each, "emails")


def recipients(mails: MailServer) -> list[str]:
    return [mail["To"] for mail in mails.mails]


# --- invitations ----------------------------------------------------------------------------
def test_the_invitation_comes_by_mail(mailing_server: Server, mails: MailServer) -> None:
    alice, guest, invited = mailing_server.add_user("alice"), mailing_server.visitor(), address()
    token = alice.create_room(PUBLIC, name="Plans\r\nBcc: everybody@example.org")
    alice.add(token, invited, "emails")
    (mail,) = wait_for(mails, 1)
    assert (mail["To"], mail["Bcc"]) == (invited, None)
    assert mail["From"] == "talkd <talk@example.org>"
    link = next(line for line in mail.get_content().splitlines() if line.startswith("http"))
    parts = urlsplit(link)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"http://talk.example.org/call/{token}"
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    assert guest.request("GET", parts.path, **query).status_code == 303
    assert guest.join(token)["actorType"] == "emails"


def test_line_breaks_in_stored_names_add_no_line_to_a_mail(mailing_server: Server, mails: MailServer) -> None:
    alice, invited = mailing_server.add_user("alice"), address()
    token = alice.create_room(PUBLIC)
    stored = Statement(sa.update(rooms).where(rooms.c.token == bind("token")).values(name=bind("name")))
    raw = "Team\r\nBcc: eve@example.org\u202e\n\nPay here: {link} {0}"
    mailing_server.write(lambda tx: tx.run(stored, token=token, name=raw))
    alice.add(token, invited, "emails")
    (mail,) = wait_for(mails, 1)
    clean = "Team Bcc: eve@example.org Pay here: {link} {0}"
    assert (mail["Subject"], mail["Bcc"]) == (f"Alice invites you: {clean}", None)
    assert mail.get_content().splitlines()[0] == f'Alice invites you to the conversation "{clean}".'


def test_invitations_are_sent_again_on_request(mailing_server: Server, mails: MailServer) -> None:
    alice, bob = mailing_server.add_user("alice"), mailing_server.add_user("bob")
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    for _ in range(2):
        alice.add(token, address(), "emails")
    wait_for(mails, 2)
    path = f"v4/room/{token}/participants/resend-invitations"
    assert alice.post(path) is None
    wait_for(mails, 4)
    seats = [each["attendeeId"] for each in alice.participants(token).values() if each["actorType"] == "emails"]
    alice.post(path, attendeeId=seats[0])
    wait_for(mails, 5)
    assert alice.refused("POST", path, attendeeId=999_999) == (404, None)
    assert bob.status("POST", path) == 403


def wait_for_log(caplog: pytest.LogCaptureFixture, event: str, count: int) -> None:
    """Wait until an event was logged at least this often."""
    until = time.monotonic() + 30
    while caplog.messages.count(event) < count:
        assert time.monotonic() < until, caplog.text
        time.sleep(0.02)


def test_mail_that_fails_is_sent_later(
    mailing_server: Server, mails: MailServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mails.refusals += ["451 busy"]
    alice = mailing_server.add_user("alice")
    alice.add(alice.create_room(PUBLIC), address(), "emails")
    wait_for_log(caplog, "mail_failed", 1)
    assert mails.mails == []
    monkeypatch.setattr(clock, "source", lambda: time.time() + model.RETRY_SECONDS[0] + 1)
    wait_for(mails, 1)
    wait_until_empty(mailing_server)


def test_mail_that_is_refused_for_good_is_given_up(mailing_server: Server, mails: MailServer) -> None:
    mails.refusals += ["550 no such user"]
    alice = mailing_server.add_user("alice")
    alice.add(alice.create_room(PUBLIC), address(), "emails")
    wait_until_empty(mailing_server)
    assert mails.mails == []


def test_without_mail_configuration_the_outbox_stays_empty(server: Server) -> None:
    alice = server.add_user("alice")
    alice.add(alice.create_room(PUBLIC), address(), "emails")
    assert not server.read(lambda tx: store.has_due(tx, model.NEVER))


# --- failures of one mail -------------------------------------------------------------------
@pytest.mark.parametrize("bad", ["bad@example.org.", "a\r\nBcc: eve@example.org", "", "=?utf-8?q?eve?=@example.org"])
def test_a_mail_that_cannot_be_composed_is_given_up_and_others_are_sent(
    mailing_server: Server, mails: MailServer, caplog: pytest.LogCaptureFixture, bad: str
) -> None:
    alice, first, poisonous, last = mailing_server.add_user("alice"), address(), address(), address()
    mails.refusals += ["451 busy"] * 3
    invite(alice, first, poisonous, last)
    wait_for_log(caplog, "mail_failed", 3)
    mailing_server.write(lambda tx: tx.run(POISON, good=poisonous, bad=bad))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "source", lambda: time.time() + model.RETRY_SECONDS[0] + 1)
        wait_until_empty(mailing_server)
    assert sorted(recipients(mails)) == [first, last]


def test_an_error_of_a_library_stops_only_its_own_mail(
    mailing_server: Server, mails: MailServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alice, first, poisonous, last = mailing_server.add_user("alice"), address(), address(), address()
    written = postman.Postman._message

    def write(self: postman.Postman, mail: model.Mail) -> EmailMessage:
        if mail.address == poisonous:
            raise KeyError(mail.address)
        return written(self, mail)

    monkeypatch.setattr(postman.Postman, "_message", write)
    invite(alice, first, poisonous, last)
    wait_until_empty(mailing_server)
    assert recipients(mails) == [first, last]
    assert "mail_failed" in caplog.text
    assert poisonous not in caplog.text


@pytest.mark.parametrize("answer", ["550 no such user", "451 later", "421 closing"])
@pytest.mark.parametrize("when", [b"RCPT", b"DATA"])
def test_a_refusal_of_the_mail_server_stops_only_its_own_mail(
    mailing_server: Server, mails: MailServer, answer: str, when: bytes
) -> None:
    alice, first, refused, last = mailing_server.add_user("alice"), address(), address(), address()
    turn = iter(range(100))
    if when == b"RCPT":
        mails.refuses = lambda line: answer if refused.upper().encode() in line else None
    else:
        mails.refuses = lambda line: answer if line == b"DATA" and next(turn) == 1 else None
    invite(alice, first, refused, last)
    wait_for(mails, 2)
    assert recipients(mails) == [first, last]


def test_mail_waits_while_the_server_cannot_be_reached(
    mailing_server: Server, mails: MailServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(postman, "REST_SECONDS", 0.1)
    alice, invited = mailing_server.add_user("alice"), [address() for _ in range(3)]
    port, mailing_server.config.mail.port = mailing_server.config.mail.port, 1
    invite(alice, *invited)
    wait_for_log(caplog, "mail_server_failed", len(model.RETRY_SECONDS) + 2)
    assert "mail_failed" not in caplog.text, "attempts are not counted"
    mailing_server.config.mail.port = port
    wait_for(mails, 3)
    assert recipients(mails) == invited


# --- no mail twice -----------------------------------------------------------------------------------
def test_a_stop_waits_for_the_mail_that_is_being_sent(mailing_server: Server, mails: MailServer) -> None:
    alice, first, second = mailing_server.add_user("alice"), address(), address()
    begun, goes_on = Event(), Event()

    def hold(line: bytes) -> None:
        if line == b"DATA":
            begun.set()
            goes_on.wait(10)

    mails.refuses = hold
    invite(alice, first, second)
    assert begun.wait(10)
    mailing_server.loop_thread.loop.call_soon_threadsafe(mailing_server.loop_thread.loop.call_later, 0.3, goes_on.set)
    mailing_server.restart()
    wait_until_empty(mailing_server)
    assert recipients(mails) == [first, second]


def test_a_connection_that_opens_while_the_server_stops_is_closed(
    mailing_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on, opened = Event(), Event(), []
    connect = postman.Postman._connect

    def hold(each: postman.Postman) -> smtplib.SMTP:
        begun.set()
        goes_on.wait(10)
        opened.append(connect(each))
        return opened[-1]

    monkeypatch.setattr(postman.Postman, "_connect", hold)
    invite(mailing_server.add_user("alice"), address())
    assert begun.wait(10)
    mailing_server.loop_thread.loop.call_soon_threadsafe(mailing_server.loop_thread.loop.call_later, 0.3, goes_on.set)
    mailing_server.stop()
    assert [connection.sock for connection in opened] == [None]
    mailing_server.start()


def test_a_mail_that_may_have_been_accepted_is_not_sent_again(
    mailing_server: Server, mails: MailServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postman.Postman, "_has_connected", lambda _postman: _never())
    alice, uncertain, other = mailing_server.add_user("alice"), address(), address()
    invite(alice, uncertain, other)
    taken = mailing_server.write(service.take_next)  # like a process that is killed while it sends
    assert taken is not None
    assert taken.address == uncertain
    monkeypatch.undo()
    set_interval(monkeypatch, "deliver_mail", 0.05)
    mailing_server.restart()
    wait_for(mails, 1)
    wait_until_empty(mailing_server)
    assert recipients(mails) == [other]
    assert "mail_uncertain" in caplog.text
    assert uncertain not in caplog.text


async def _never() -> bool:
    return False


# --- limits -------------------------------------------------------------------------------
@pytest.fixture
def counting_server(mailing_server: Server) -> Server:
    mailing_server.config.security.throttle = True
    return mailing_server


def test_mails_to_one_address_are_limited_per_hour(
    counting_server: Server, mails: MailServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = counting_server
    server.config.mail.to_recipient = 3
    alice, bob, victim, other = server.add_user("alice"), server.add_user("bob"), address(), address()
    for by in (alice, bob):
        token = by.create_room(PUBLIC)
        by.add(token, victim.upper() if by is bob else victim, "emails")
        for _ in range(2):
            by.post(f"v4/room/{token}/participants/resend-invitations")
    invite(alice, victim, other)
    wait_until_empty(server)
    assert [to.lower() for to in recipients(mails)] == [victim] * 3 + [other], "other recipients get their mail"
    assert "mail_left_out" in caplog.text
    assert victim not in caplog.text
    source = clock.source
    monkeypatch.setattr(clock, "source", lambda: source() + 3601)
    invite(alice, victim)
    wait_for(mails, 5)


def test_mails_of_one_sender_are_limited_per_day(
    counting_server: Server, mails: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = counting_server
    server.config.mail.by_sender = 3
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    for _ in range(2):
        alice.add(token, address(), "emails")
    sheet = {"file": ("list.csv", f"email\n{address()}\n{address()}\n", "text/csv")}
    refused = alice.http.post(f"/ocs/v2.php/apps/spreed/api/v4/room/{token}/import-emails", files=sheet)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert len(alice.participants(token)) == 3, "the list is invited as a whole or not at all"
    assert alice.refused("POST", f"v4/room/{token}/participants/resend-invitations")[0] == 429
    invite(bob, address())
    wait_until_empty(server)
    assert len(mails.mails) == 3
    source = clock.source
    monkeypatch.setattr(clock, "source", lambda: source() + 86_401)
    invite(alice, address())
    wait_for(mails, 4)


# --- addresses ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "good", ["a@example.org", "first.last+tag@mail.example.org", "o'neil@corp.local", "a@bücher.example", "a@例子.广告"]
)
def test_valid_addresses(good: str) -> None:
    assert is_address(good)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a",
        "a@",
        "@example.org",
        "a@localhost",
        "a@example.org.",
        "a@.example.org",
        "a..b@example.org",
        ".a@example.org",
        "a@example..org",
        "a@-example.org",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "Ada <a@example.org>",
        "ü@example.org",
        '"a b"@example.org',
        " a@example.org",
        "a@example.org\n",
        "a@exa mple.org",
        "a\0@example.org",
        "=?utf-8?q?eve?=@example.org",
        "x" * 65 + "@example.org",
        "a@" + "x" * 64 + ".org",
        "a@" + "xxx." * 70 + "org",
        "a@b@example.org",
    ],
)
def test_invalid_addresses(bad: str) -> None:
    assert not is_address(bad)


@pytest.mark.parametrize("bad", ["bad@example.org.", "a..b@example.org", "a@[127.0.0.1]"])
def test_invalid_addresses_are_refused_everywhere(server: Server, bad: str) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)
    participants = f"v4/room/{token}/participants"
    assert alice.refused("POST", participants, newParticipant=bad, source="emails")[0] == 400
    sheet = {"file": ("list.csv", f"email\n{bad}\n", "text/csv")}
    imported = alice.http.post(f"/ocs/v2.php/apps/spreed/api/v4/room/{token}/import-emails", files=sheet)
    assert imported.json()["ocs"]["data"]["invalidLines"] == [2]
    created = server.admin.post(
        "/ocs/v2.php/cloud/users", json={"userid": unique("new"), "password": "a long enough one", "email": bad}
    )
    assert created.json()["ocs"]["meta"]["statuscode"] == 101
    edited = alice.http.put(f"/ocs/v2.php/cloud/users/{alice.id}", json={"key": "email", "value": bad})
    assert edited.json()["ocs"]["meta"]["statuscode"] == 101


@given(st.emails() | st.from_regex(r"[!-~äß字]{1,12}@[!-~äß字]{1,12}(\.[a-zä]{1,5})+", fullmatch=True))
def test_accepted_addresses_stand_unchanged_in_a_mail(text: str) -> None:
    found = deliverable(text)
    if found is None:
        return
    message = EmailMessage()
    message["To"] = Address(addr_spec=found)
    assert [each.addr_spec for each in message["To"].addresses] == [found]
    assert "\n" not in str(message["To"])
