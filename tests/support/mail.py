"""A mail server that stores the mails it receives."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from support.running import Server
from talkd.areas.mail import store
from talkd.areas.mail.model import NEVER


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP on the loopback interface.

    `refusals` are the answers to the next recipients. After them, `refuses` is called with the line of each recipient
    and with `DATA` at the end of each mail; it returns an error to answer with, or None for success.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[EmailMessage] = []
        self.refusals: list[str] = []
        self.refuses: Callable[[bytes], str | None] = lambda _line: None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 ready")
        for line in self.rfile:
            word = line.strip().upper()
            if word == b"DATA":
                self._say("354 go on")
                mail = self._read()
                answer = self.server.refuses(word)
                if answer is None:
                    self.server.mails.append(mail)
                self._say(answer or "250 taken")
            elif word.startswith(b"RCPT") and self.server.refusals:
                self._say(self.server.refusals.pop(0))
            elif word.startswith(b"RCPT"):
                self._say(self.server.refuses(word) or "250 ok")
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _read(self) -> EmailMessage:
        lines: list[bytes] = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        mail: Any = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    """Run the server, and stop it afterwards."""
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def wait_for(mails: MailServer, count: int) -> list[EmailMessage]:
    until = time.monotonic() + 10
    while len(mails.mails) < count and time.monotonic() < until:
        time.sleep(0.02)
    assert len(mails.mails) == count
    return mails.mails


def wait_until_empty(server: Server) -> None:
    """Wait until no mail is left to send, now or later."""
    until = time.monotonic() + 10
    while server.read(lambda tx: store.has_due(tx, NEVER)):
        assert time.monotonic() < until
        time.sleep(0.02)
