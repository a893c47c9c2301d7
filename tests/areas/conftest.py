"""The users and rooms of most tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.mail import MailServer, running_mail_server
from support.people import ONE_TO_ONE, Person
from support.running import Server, set_interval
from talkd.config import Config


@pytest.fixture
def private(server: Server, alice: Person, bob: Person) -> str:
    """The token of the one-to-one room of Alice and Bob."""
    token: str = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    return token


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with running_mail_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def mailing_server(
    request: pytest.FixtureRequest,
    databases: Any,
    new_server: Callable[[Config], Server],
    mails: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Server:
    """A server that sends e-mails, and checks often for new ones."""
    set_interval(monkeypatch, "deliver_mail", 0.05)
    config: Config = databases.config(request.param)
    config.server.public_url = "http://talk.example.org"
    config.mail.host, config.mail.port, config.mail.security = "127.0.0.1", mails.port, "none"
    config.mail.sender = "talk@example.org"
    return new_server(config)
