"""Send the mail that waits in the outbox."""

import asyncio
import contextlib
import smtplib
import ssl
from collections.abc import Coroutine
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, TypeVar

from talkd.areas.mail import service
from talkd.areas.mail.address_model import deliverable
from talkd.areas.mail.model import Mail
from talkd.config_groups import MailConfig
from talkd.core.log import Log
from talkd.core.names import cleaned
from talkd.storage.database import Database

T = TypeVar("T")
log = Log(__name__)

TIMEOUT_SECONDS = 20
REST_SECONDS = 60
"""Seconds without attempts after the mail server could not be reached."""
STOP_SECONDS = 5
"""Seconds that the stopping server waits for the mail that is being sent."""
OK = 250
"""SMTP's code for success."""


class Postman:
    """Sends the mails of the outbox to the configured SMTP server, one at a time.

    A mail is marked before it is sent and deleted when the server has accepted it. If this process is killed in
    between, the mail is given up, so that it is never sent twice.
    """

    def __init__(self, db: Database, config: MailConfig, name: str) -> None:
        self._db = db
        self._config = config
        self._name = cleaned(name)
        self._sender = deliverable(config.sender) or ""
        self._connection: smtplib.SMTP | None = None
        self._rests_until = 0.0

    async def resume(self) -> None:
        """Give up the mails that an earlier process was sending when it was killed."""
        for number in await self._db.write(service.give_up_uncertain):
            log.warning("mail_uncertain", mail=number, again=False)

    async def deliver(self) -> None:
        """Send the mails that are due.

        A mail that fails is postponed, longer each time. A mail that is refused for good is deleted. While the mail
        server cannot be reached, all mails wait.
        """
        if asyncio.get_running_loop().time() < self._rests_until:
            return
        try:
            while await self._db.read(service.has_due) and await _finish(self._has_connected()):
                mail = await self._db.write(service.take_next)
                if mail is None:
                    return
                await _finish(self._send_marked(mail))
        finally:
            await asyncio.to_thread(self._disconnect)

    async def _has_connected(self) -> bool:
        try:
            await asyncio.to_thread(self._keep_connected)
        except (OSError, ValueError) as error:  # ValueError of smtplib: a setting is not ASCII
            self._rests_until = asyncio.get_running_loop().time() + REST_SECONDS
            _warn("mail_server_failed", error)
            return False
        return True

    async def _send_marked(self, mail: Mail) -> None:
        error = await asyncio.to_thread(self._send, mail)
        if error is None:
            await self._db.write(lambda tx: service.note_sent(tx, mail))
            return
        for_good = is_final(error)
        again = await self._db.write(lambda tx: service.note_failed(tx, mail, for_good=for_good))
        _warn("mail_failed", error, mail=mail.id, attempt=mail.attempts + 1, again=again)

    # --- in threads -------------------------------------------------------------------------
    def _send(self, mail: Mail) -> Exception | None:
        """Send one mail. Return the error if it failed, whatever error it is: other mails are still tried."""
        assert self._connection is not None, "connected before"
        try:
            message = self._message(mail)
            self._connection.send_message(message, to_addrs=[message["To"].addresses[0].addr_spec])
        except Exception as error:
            return error
        return None

    def _keep_connected(self) -> None:
        """Connect, unless there is a working connection. Raises OSError, which all SMTP errors derive from."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                if self._connection.noop()[0] == OK:
                    return
            self._disconnect()
        self._connection = self._connect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.quit()
            connection.close()

    def _connect(self) -> smtplib.SMTP:
        config = self._config
        if config.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                config.host, config.port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
        else:
            connection = smtplib.SMTP(config.host, config.port, timeout=TIMEOUT_SECONDS)
        try:
            if config.security == "starttls":
                connection.starttls(context=ssl.create_default_context())
            if config.user:
                connection.login(config.user, config.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = Address(self._name, addr_spec=self._sender)
        address = deliverable(mail.address)
        if address is None:
            raise ValueError("not an address")
        message["To"] = Address(addr_spec=address)
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.body)
        return message


async def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of the work. If the server stops meanwhile, the work still gets STOP_SECONDS to end.

    A thread goes on when its task is cancelled, so a connection that it opens would never be closed.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=STOP_SECONDS)
        raise


def _warn(event: str, error: Exception, **more: Any) -> None:
    """Log the type of an error and the code of the mail server. The text is left out: it may contain the address."""
    log.warning(event, error=type(error).__name__, code=getattr(error, "smtp_code", None), **more)


def is_final(error: Exception) -> bool:
    """Return True if trying again cannot help: the server refused the recipient or the mail for good."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return False  # the configuration is wrong, not the mail
    if isinstance(error, smtplib.SMTPDataError | smtplib.SMTPSenderRefused):
        return error.smtp_code >= 500
    return not isinstance(error, OSError)  # any other error comes from a library that refuses the mail
