"""Parts of the tests that some machines cannot run, with the reason and the remedy."""

import os
import shutil
import sys
from dataclasses import dataclass
from typing import NoReturn

import pytest


@dataclass(frozen=True, slots=True)
class Part:
    """Tests that are skipped together. The summary of a run lists them (`tests/conftest.py`)."""

    name: str
    missing: str
    todo: str

    @property
    def reason(self) -> str:
        """The reason and the remedy in one line."""
        return f"{self.name}: {self.missing}. To run them: {self.todo}."

    def skip_if(self, missing: bool) -> pytest.MarkDecorator:
        """Mark tests that are skipped if what they need is missing."""
        return pytest.mark.skipif(missing, reason=self.reason)

    def skip(self) -> NoReturn:
        """Skip the running test."""
        pytest.skip(self.reason)

    def find(self, program: str) -> str:
        """Return the path of a program. Skip the running test if it is not installed."""
        path = shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS)))
        return path or self.skip()


SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin")
"""Folders of servers. The PATH of users lacks them on Debian."""

BROWSER = Part(
    "pages and calls in a browser",
    "chromium or chromedriver is not on the PATH",
    "install both (Debian: apt install chromium chromium-driver)",
)
BARRIERS = Part(
    "barriers in the web client",
    "axe-core is not installed",
    "install the tools of the web client (make web-client/checkable)",
)
RELAY = Part(
    "calls through a TURN server",
    "coturn is not installed",
    "install it (Debian: apt install coturn)",
)
GATEWAY = Part(
    "calls through a media gateway",
    "Janus is not installed",
    "install it (Debian: apt install janus)",
)
BUS = Part(
    "processes that tell each other by NATS",
    "nats-server is not installed",
    "install it (Debian: apt install nats-server)",
)
NETWORK = Part(
    "media through a gateway",
    "Janus and the clients use no loopback address, and this machine has no other IPv4 address",
    "give it one (ip address add 192.0.2.1/24 dev eth0)",
)
BACKEND = Part(
    "calls through an external signaling server",
    "nextcloud-spreed-signaling or nats-server is not installed",
    "install both (Debian: apt install nextcloud-spreed-signaling nats-server)",
)
BUS = Part(
    "several processes with NATS",
    "nats-server is not installed",
    "install it (Debian: apt install nats-server)",
)
PROXY = Part(
    "talkd behind a reverse proxy",
    "nginx is not installed",
    "install it (Debian: apt install nginx-light)",
)
POOLER = Part(
    "talkd behind a pooler",
    "PgBouncer is not installed",
    "install it (Debian: apt install pgbouncer)",
)
UNITS = Part(
    "the unit for systemd",
    "systemd-analyze or libseccomp is not installed, or Linux is older than 6.3",
    "install systemd (Debian: apt install systemd)",
)
WEBDAV = Part(
    "other programs over WebDAV",
    "litmus or rclone is not installed",
    "install both (Debian: apt install litmus rclone)",
)
HISTORY = Part(
    "the version before on today's tables",
    "this is no git checkout, or its history does not reach back to the newest migration",
    "run them in a clone with its history (git fetch --unshallow)",
)
RECORDINGS = Part(
    "recordings of the real server",
    "there are none in the folder TALKD_CONFORMANCE or beside the checkout",
    "set TALKD_CONFORMANCE to a folder with recordings; they are not part of the project",
)
DOCUMENTS = Part(
    "documents of the older APIs",
    "they are not in the folder `reference` beside the recordings",
    "set TALKD_CONFORMANCE to a folder that has them beside it; they are not part of the project",
)
CONTRACT = Part(
    "published description of the API",
    "there is no file TALKD_CONTRACT, and none beside the checkout",
    "set TALKD_CONTRACT to the OpenAPI file; it is not part of the project",
)
SYNC_CLIENT = Part(
    "sync client of nc-py-api",
    "the installed release has none",
    "install the version in constraints.txt (make .venv/installed-for-tests)",
)
LIMITS = Part(
    "limits of memory and file sizes",
    "only Linux limits a process in this way",
    "run the tests on Linux",
)
FOREIGN_FILES = Part(
    "files of another user",
    "only root can change the owner of files",
    "run the tests as root",
)

needs_limits = LIMITS.skip_if(sys.platform != "linux")
MEMORY = Part(
    "memory of idle connections",
    "only Linux says how much memory a process has",
    "run the tests on Linux",
)
