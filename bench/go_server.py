"""The standalone signaling server of Nextcloud Talk, with a talkd as its backend and without NATS."""

import contextlib
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.server import Process, Server, free_port

PROGRAM = "nextcloud-spreed-signaling-server"
MISSING = f"{PROGRAM} is not installed (Debian: apt install nextcloud-spreed-signaling)"
PATH = "/spreed"
SETTINGS = """\
[http]
listen = 127.0.0.1:{port}
[sessions]
hashkey = {key}
blockkey = {key}
[clients]
internalsecret = {key}
[backend]
backends = talkd
allowall = false
timeout = 30
connectionsperhost = 8
[talkd]
url = http://127.0.0.1:{backend}
secret = {secret}
[nats]
url = :loopback:
[mcu]
[stats]
allowed_ips = 127.0.0.1
"""


def is_installed() -> bool:
    """Return True if the server can be started."""
    return shutil.which(PROGRAM) is not None


@contextlib.contextmanager
def beside(server: Server, folder: Path) -> Iterator[None]:
    """Run the signaling server, and let the clients of `server` use it."""
    port, secret = free_port(), secrets.token_hex(16)
    settings, log = folder / "signaling.conf", folder / "signaling.log"
    settings.write_text(SETTINGS.format(port=port, backend=server.port, key=secrets.token_hex(16), secret=secret))
    with log.open("ab") as output:
        command = [PROGRAM, "--config", str(settings)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"
    try:
        go = Process(process, port, PATH, log)
        go.wait_for("/api/v1/welcome")
        server.command("signaling", "add", url, "--secret", secret)
        server.signaling = go
        yield
        server.signaling = server
        server.command("signaling", "remove", url)
    finally:
        process.terminate()
        process.wait(10)
