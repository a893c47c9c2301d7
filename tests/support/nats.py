"""NATS servers that tests start, stop and kill on ports of this machine, alone or as a cluster."""

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import nkeys  # type: ignore[import-untyped]

from support.parts import BUS
from support.running import free_port


class Nats:
    """A `nats-server`. It runs within the block of a `with`, between `start` and `stop`."""

    def __init__(self, folder: Path, *options: str, name: str = "nats", scheme: str = "nats") -> None:
        """Prepare it, with its log in the folder. Skip the running test if there is no `nats-server`."""
        self._program = BUS.find("nats-server")
        self.port = free_port()
        self._options, self._scheme, self._log = options, scheme, folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for clients."""
        return self.url_with("")

    def url_with(self, login: str) -> str:
        """Return the address with a user and password, as in `user:password@`."""
        return f"{self._scheme}://{login}localhost:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)

    def start(self) -> None:
        """Start, and wait until it accepts connections."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            command = [self._program, "-a", "127.0.0.1", "-p", str(self.port), *self._options]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while not _listens(self.port):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal, and wait for its end."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()


def cluster_of(folder: Path, count: int) -> list[Nats]:
    """Return servers that form a cluster when they are started."""
    ports = [free_port() for _ in range(count)]
    routes = ",".join(f"nats://127.0.0.1:{each}" for each in ports)
    return [
        Nats(
            folder,
            *("--cluster_name", "drill", "--cluster", f"nats://127.0.0.1:{port}", "--routes", routes, "-n", str(port)),
            name=f"nats-{port}",
        )
        for port in ports
    ]


# --- logins by signed files -------------------------------------------------------------------
def credentials_of(folder: Path) -> tuple[Path, Path]:
    """Write a configuration of servers whose users have signed credentials, and the file of one user. Return both."""
    operator, account, user = (
        _KeyPair(each) for each in (nkeys.PREFIX_BYTE_OPERATOR, nkeys.PREFIX_BYTE_ACCOUNT, nkeys.PREFIX_BYTE_USER)
    )
    about = {"version": 2}
    limits = dict.fromkeys(("subs", "conn", "leaf", "imports", "exports", "data", "payload"), -1)
    of_operator = operator.sign(operator, {"type": "operator", **about})
    of_account = operator.sign(account, {"type": "account", "limits": {**limits, "wildcards": True}, **about})
    no_limits = {"subs": -1, "data": -1, "payload": -1}
    of_user = account.sign(user, {"type": "user", "pub": {}, "sub": {}, **no_limits, **about})
    settings, file = folder / "nats.conf", folder / "talkd.creds"
    settings.write_text(
        f"operator: {of_operator}\nresolver: MEMORY\nresolver_preload: {{ {account.name}: {of_account} }}\n"
    )
    file.write_text(
        f"-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
    return settings, file


class _KeyPair:
    def __init__(self, prefix: int) -> None:
        seed = nkeys.encode_seed(os.urandom(32), prefix)
        self.seed = seed.decode()
        self._pair = nkeys.from_seed(bytearray(seed))
        self.name = self._pair.public_key.decode()

    def sign(self, subject: "_KeyPair", about: dict[str, Any]) -> str:
        """Return a token in which this pair says something about another one."""
        claims = {"iat": int(time.time()), "iss": self.name, "sub": subject.name, "name": "drill", "nats": about}
        claims["jti"] = base64.b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).decode().rstrip("=")
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        text = ".".join(_encode(json.dumps(each).encode()) for each in (head, claims))
        return f"{text}.{_encode(self._pair.sign(text.encode()))}"


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
