"""Sending what is in the outbox. A job of its own, long after the commit."""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import structlog

from talkd.areas.mail import service
from talkd.areas.mail.model import Mail
from talkd.config import MailConfig
from talkd.core.names import cleaned
from talkd.storage.database import Database

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 20


class Postman:
    """Takes mail from the outbox to the SMTP server of the settings."""

    def __init__(self, db: Database, config: MailConfig, name: str) -> None:
        self._db = db
        self._config = config
        self._name = cleaned(name)

    async def deliver(self) -> None:
        """Send what is due. What fails stays for later, longer each time; what is refused for good goes."""
        while await self._db.read(service.has_due):
            mails = await self._db.write(service.take_due)
            if not mails:
                return
            outcomes = await asyncio.to_thread(self._send, mails)
            for mail, error in zip(mails, outcomes, strict=True):
                await self._note(mail, error)

    async def _note(self, mail: Mail, error: Exception | None) -> None:
        if error is None:
            await self._db.write(lambda tx: service.note_sent(tx, mail))
            return
        for_good = is_final(error)
        again = await self._db.write(lambda tx: service.note_failed(tx, mail, for_good=for_good))
        # The error's own text may hold the address; its kind and the server's number do not.
        log.warning(
            "mail_failed",
            mail=mail.id,
            attempt=mail.attempts + 1,
            error=type(error).__name__,
            code=getattr(error, "smtp_code", None),
            again=again,
        )

    def _send(self, mails: Sequence[Mail]) -> list[Exception | None]:
        """In a thread of its own, over one connection. For each mail what went wrong, or None."""
        try:
            connection = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            return [error] * len(mails)
        outcomes: list[Exception | None] = []
        with connection:
            for mail in mails:
                try:
                    connection.send_message(self._message(mail))
                    outcomes.append(None)
                except (OSError, smtplib.SMTPException, ValueError) as error:
                    outcomes.append(error)
        return outcomes

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
        message["From"] = Address(self._name, addr_spec=self._config.sender)
        message["To"] = Address(addr_spec=mail.address)
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._config.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.body)
        return message


def is_final(error: Exception) -> bool:
    """Whether trying again cannot help: the server refused the recipient or the mail for good."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return False  # the settings are wrong, the mail is not
    if isinstance(error, smtplib.SMTPDataError | smtplib.SMTPSenderRefused):
        return error.smtp_code >= 500
    return isinstance(error, ValueError)  # an address that no header can hold
