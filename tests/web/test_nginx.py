"""talkd behind nginx, with the lines in docs/admin/reverse-proxy.md."""

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from support.parts import PROXY
from support.people import Person
from support.running import NO_TLS, Server, free_port

PAGE = Path(__file__).parents[2] / "docs" / "admin" / "reverse-proxy.md"
AROUND = """
daemon off;
error_log stderr;
pid {folder}/pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {lines}
}}
"""


@pytest.fixture
def proxy(server: Server, tmp_path: Path) -> Iterator[int]:
    """The port of an nginx in front of the server. Only its address and the certificate differ from the page."""
    found = re.search(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    port = free_port()
    lines = re.sub(r"\n *ssl_certificate.*", "", found[1])
    lines = lines.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    lines = lines.replace("127.0.0.1:8080", f"127.0.0.1:{server.config.server.port}")
    (tmp_path / "nginx.conf").write_text(AROUND.format(folder=tmp_path, lines=lines))
    command = [PROXY.find("nginx"), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 30
        while not _answers(port):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", verify=NO_TLS, trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_a_websocket_opens_through_nginx(proxy: int) -> None:
    with connect(f"ws://127.0.0.1:{proxy}/standalone-signaling/spreed", proxy=None) as opened:
        assert '"welcome"' in str(opened.recv(10))


def test_a_long_poll_through_nginx_brings_a_message(
    server: Server, proxy: int, alice: Person, bob: Person, token: str
) -> None:
    last = alice.room(token)["lastMessage"]["id"]
    answers: list[httpx.Response] = []
    client = server.client(alice.id, base_url=f"http://127.0.0.1:{proxy}")
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}?lookIntoFuture=1&timeout=20&lastKnownMessageId={last}"
    poll = threading.Thread(target=lambda: answers.append(client.get(path)))
    poll.start()
    bob.post(f"v1/chat/{token}", message="Hello")
    poll.join(30)
    assert [each["message"] for each in answers[0].json()["ocs"]["data"]] == ["Hello"]
