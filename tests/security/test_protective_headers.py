"""Every answer has headers that stop browsers from guessing media types and running scripts."""

import pytest

from support.raw import exchange, head
from support.running import Server
from talkd.config import Config
from talkd.web.answers import always_sent

PATHS = (
    "/ocs/v2.php/cloud/capabilities",
    "/ocs/v1.php/cloud/user",
    "/ocs/v2.php/nowhere",
    "/nowhere",
    "/healthz",
    "/status.php",
    "/static/talkd.css",
    "/static/icon.svg",
    "/index.php/login",
    "/avatar/nobody/64",
    "/metrics",
    "/index.php/avatar/guest/Somebody/64",
)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_protective_headers(sqlite_server: Server, path: str) -> None:
    client = sqlite_server.client()
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "BREW"):
        answer = client.request(method, path)
        assert answer.headers.get_list("X-Content-Type-Options") == ["nosniff"], method
        assert len(answer.headers.get_list("Content-Security-Policy")) == 1, method
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], method
        assert "Strict-Transport-Security" not in answer.headers


def test_refusals_of_incomplete_requests_have_protective_headers(sqlite_server: Server) -> None:
    answer = exchange(sqlite_server, head("POST", "/index.php/login/v2", "Content-Length: 5"))
    assert b"x-content-type-options: nosniff" in answer
    assert b"content-security-policy: " in answer


def test_strict_transport_security_needs_a_certificate() -> None:
    config = Config().server
    config.hsts = 31_536_000
    assert "strict-transport-security" not in always_sent(config)
    config.tls_certificate = "chain.pem"
    assert always_sent(config)["strict-transport-security"] == "max-age=31536000"
