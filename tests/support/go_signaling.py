"""The standalone signaling server of Nextcloud Talk, on a port of its own and with a NATS server inside the process."""

import subprocess
import time
from pathlib import Path

import httpx

from support.parts import BACKEND
from support.running import Server, free_port
from support.signaling_servers import SECRET
from support.sockets import Socket

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
timeout = 10
connectionsperhost = 8
[talkd]
url = {url}
secret = {secret}
[nats]
url = :loopback:
[mcu]
[stats]
allowed_ips = 127.0.0.1
"""


class SignalingServer:
    """A running server whose backend is a talkd. `log` has its output."""

    def __init__(self, server: Server, folder: Path) -> None:
        program = BACKEND.find("nextcloud-spreed-signaling-server")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        config, self.log = folder / "server.conf", folder / "server.log"
        config.write_text(SETTINGS.format(port=port, url=server.url, key="k" * 32, secret=SECRET))
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "--config", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._await()
        except BaseException:
            self.close()
            raise

    def _await(self) -> None:
        end = time.monotonic() + 20
        while True:
            try:
                self.welcome = httpx.get(f"{self.url}/api/v1/welcome", trust_env=False).json()
            except httpx.TransportError:
                assert self._process.poll() is None, self.log.read_text()
                assert time.monotonic() < end, "it does not answer"
                time.sleep(0.02)
            else:
                return

    def close(self) -> None:
        """Stop the server."""
        self._process.terminate()
        self._process.wait(10)


class GoSocket(Socket):
    """A connection to it."""

    is_welcomed = False

    def __init__(self, signaling: SignalingServer, server: Server) -> None:
        self.backend = f"{server.url}/ocs/v2.php/apps/spreed/api/v1/signaling/backend"
        super().__init__(signaling, "/spreed")
