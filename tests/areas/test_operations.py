"""`/healthz` and `/metrics`."""

import ipaddress
import os
from pathlib import Path

import httpx
import pytest

from support.files import Files
from support.running import NO_TLS, Server, free_port
from talkd.config import Config
from talkd.core.errors import Unavailable
from talkd.core.networks import is_inside
from talkd.server import App
from talkd.web import sockets
from talkd.web.http import HttpServer


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_addresses_that_may_read_metrics(address: str, allowed: bool) -> None:
    networks = [ipaddress.ip_network(network) for network in ("127.0.0.0/8", "::1/128")]
    assert is_inside(address, networks) is allowed


async def get(app: App, path: str, address: str = "127.0.0.1") -> httpx.Response:
    """Send a request to a server that trusts the proxy on this machine. The client has the address."""
    server = HttpServer(app.application, app.world.config.server)
    await server.start(sockets.bind(app.world.config.server))
    try:
        url = f"http://127.0.0.1:{app.world.config.server.port}"
        async with httpx.AsyncClient(verify=NO_TLS, trust_env=False) as client:
            return await client.get(url + path, headers={"X-Forwarded-For": address})
    finally:
        assert await server.stop(5)


async def test_health_and_metrics_with_and_without_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(data=str(tmp_path))
    config.server.port, config.server.trusted_proxies = free_port(), ["127.0.0.1"]
    app = App(config)
    await app.start()
    try:
        assert (await get(app, "/healthz")).status_code == 200
        metrics = await get(app, "/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        for name in ("talkd_waiting_polls", "talkd_sessions", "talkd_database_statements_total", "talkd_info"):
            assert f"\n{name}" in metrics.text
        assert (await get(app, "/metrics", "192.0.2.1")).status_code == 404
        config.metrics.allowed = ["::ffff:192.0.2.0/120"]
        assert (await get(app, "/metrics", "192.0.2.1")).status_code == 200
        config.metrics.allowed = ["127.0.0.0/8"]
        config.metrics.enabled = False
        assert (await get(app, "/metrics")).status_code == 404

        config.metrics.enabled = True

        async def fail(_work: object, queue: str = "") -> None:
            raise Unavailable(5, message=queue)

        with monkeypatch.context() as patch:
            for name in ("read", "write"):
                patch.setattr(app.world.db, name, fail)
            app.world.db._forget_try()
            health = await get(app, "/healthz")
            metrics = await get(app, "/metrics")
        assert (health.status_code, health.json()["database"]) == (503, "failed")
        assert metrics.status_code == 200
        assert "\ntalkd_database_writable 0" in metrics.text
        assert "\ntalkd_accounts" not in metrics.text
    finally:
        await app.stop()


def test_administrators_see_the_state_of_the_server(server: Server) -> None:
    address = "/ocs/v2.php/apps/talkd/api/v1/status"
    before = server.admin.get(address).json()["ocs"]["data"]
    user = server.add_user()
    user.join(user.create_room())
    after = server.admin.get(address).json()["ocs"]["data"]
    assert (after["accounts"], after["sessions"]) == (before["accounts"] + 1, before["sessions"] + 1)
    assert after["database"] == ("postgresql" if server.config.database.url else "sqlite")
    assert after["databaseSize"] > 0
    files = Files(user)
    files.put("/a", b"12345")
    files.put("/b", os.urandom(100))
    files.put("/c", files.get("/b"))
    with_files = server.admin.get(address).json()["ocs"]["data"]
    assert with_files["files"] >= 2
    assert with_files["fileBytes"] >= 105
    metrics = server.admin.get("/metrics").text
    assert f"\ntalkd_files {with_files['files']}.0\n" in metrics
    assert after["isWritable"] is True
    assert after["requests"] >= after["waiting"] + 1
    assert after["uptime"] >= before["uptime"] >= 0
    assert user.http.get(address).status_code == 403
