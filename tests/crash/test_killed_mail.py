"""If talkd is killed while it sends mail, it sends no mail twice, and loses at most the one that it was sending."""

import random
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from support.mail import MailServer, running_mail_server
from support.people import TALK, data_of
from support.processes import Process

INVITED = 20
"""Invitations before each kill."""
SLOWNESS = 0.02
"""Seconds that the SMTP server waits for each recipient and for each mail."""


def invite(client: httpx.Client, token: str, addresses: list[str]) -> None:
    sheet = "\n".join(["email", *addresses]).encode()
    data_of(client.post(f"{TALK}v4/room/{token}/import-emails", files={"file": ("list.csv", sheet)}))


def create_room(client: httpx.Client) -> str:
    made = data_of(client.post(f"{TALK}v4/room", json={"roomType": 3, "roomName": "Room"}))
    return str(made["token"])


def slow(_line: bytes) -> None:
    time.sleep(SLOWNESS)


def uncertain(process: Process) -> int:
    """Return the number of mails given up because the SMTP server may or may not have accepted them."""
    return process.output.count("mail_uncertain")


def wait_until_accepted(mails: MailServer, count: int) -> None:
    for _ in range(2400):
        if len(mails.mails) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"{len(mails.mails)} of {count} mails were sent")


@pytest.mark.timeout(0)  # the duration depends on --kills
def test_no_mail_is_sent_twice_after_kills(tmp_path: Path, kills: int) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance, invited = random.Random(seed), list[str]()
    with running_mail_server() as mails:
        mails.refuses = slow
        settings = {
            "MAIL_HOST": "127.0.0.1",
            "MAIL_PORT": str(mails.port),
            "MAIL_SECURITY": "none",
            "MAIL_SENDER": "talk@example.org",
            "SERVER_PUBLIC_URL": "http://talk.example.org",
        }
        for number in range(kills):
            new = [f"vera{number}x{each}@example.org" for each in range(INVITED)]
            with Process(tmp_path, **settings) as process:
                invite(process.admin, create_room(process.admin), new)
                invited += new
                before = len(mails.mails)
                wait_until_accepted(mails, before + 1)
                time.sleep(chance.uniform(0, INVITED * SLOWNESS))
                process.kill()
        with Process(tmp_path, **settings) as process:
            last = f"vera{kills}@example.org"
            invite(process.admin, create_room(process.admin), [last])
            wait_until_accepted(mails, len(invited) + 1 - uncertain(process))
            while last not in {mail["To"] for mail in mails.mails}:
                time.sleep(0.05)
            given_up = uncertain(process)
        sent = Counter(mail["To"] for mail in mails.mails)
    assert max(sent.values()) == 1, "a mail was sent twice"
    lost = {*invited, last} - sent.keys()
    assert len(lost) <= given_up <= kills, "a kill loses at most the mail that was being sent, and the log says so"
    print(f"{kills} kills, {len(sent)} mails, {len(lost)} given up that were not sent")
