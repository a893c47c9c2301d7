"""A real S3 server in a process of its own: that of moto, which keeps objects in memory."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from support.running import NO_TLS, free_port

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDTALKD", "AWS_SECRET_ACCESS_KEY": "verysecretkey"}
"""Credentials. The server takes any."""
BUCKET = "contents"
_KNOWN = {"Authorization": f"AWS {KEYS['AWS_ACCESS_KEY_ID']}:signature"}
"""Only callers with any credentials may delete an object."""


class S3:
    """The server. `url` is the setting `files.storage` for a folder in its bucket."""

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._popen: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=self.endpoint, verify=NO_TLS, trust_env=False, timeout=20)

    def url(self, folder: str) -> str:
        """Return the setting `files.storage` for a folder in the bucket."""
        return f"s3://{BUCKET}/{folder}?endpoint={self.endpoint}&region=us-east-1"

    def start(self) -> None:
        """Start it with an empty bucket, and wait until it answers."""
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.TransportError):
                self._client.put(f"/{BUCKET}").raise_for_status()
                return
            assert self._popen.poll() is None, "moto has stopped by itself"
            assert time.monotonic() < until, "moto does not start"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it. Its objects are lost."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()
            self._popen = None

    def close(self) -> None:
        """End it for good."""
        self.stop()
        self._client.close()

    def list_objects(self, folder: str) -> dict[str, int]:
        """Return the sizes of the objects in a folder, by name."""
        text = self._client.get(f"/{BUCKET}", params={"list-type": "2", "prefix": f"{folder}/"}).text
        names = [each.partition("</Key>")[0].rpartition("/")[2] for each in text.split("<Key>")[1:]]
        sizes = [int(each.partition("</Size>")[0]) for each in text.split("<Size>")[1:]]
        return dict(zip(names, sizes, strict=True))

    def leave(self, folder: str, key: str, content: bytes) -> None:
        """Store an object that no database knows."""
        self._client.put(f"/{BUCKET}/{folder}/{key[:2]}/{key}", content=content).raise_for_status()

    def lose(self, folder: str, key: str) -> None:
        """Delete an object."""
        self._client.delete(f"/{BUCKET}/{folder}/{key[:2]}/{key}", headers=_KNOWN).raise_for_status()

    def count_unfinished(self, folder: str) -> int:
        """Return the number of uploads in a folder whose parts wait for an end."""
        answer = self._client.get(f"/{BUCKET}?uploads")
        return answer.text.count(f"<Key>{folder}/")


@contextmanager
def running_s3() -> Iterator[S3]:
    """Run the server, and stop it afterwards."""
    server = S3()
    try:
        server.start()
        yield server
    finally:
        server.close()
