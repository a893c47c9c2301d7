"""Forms of requests that clients send."""

import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from support.people import PUBLIC, Person
from support.running import Server
from talkd.config import Config
from talkd.config_groups import ServerConfig
from talkd.web.proxies import Proxies

ROOM = "/ocs/v2.php/apps/spreed/api/v4/room"
ME = "/ocs/v2.php/cloud/user"
NOBODY = "Current user is not logged in"


@pytest.fixture
def server(sqlite_server: Server) -> Server:
    """Nothing in this file depends on the database."""
    return sqlite_server


# --- addresses and methods --------------------------------------------------------------------
@pytest.mark.parametrize("path", [ME, f"/index.php{ME}", f"/{ME}", f"//{ME}"])
def test_addresses_may_have_index_php_and_double_slashes(alice: Person, path: str) -> None:
    request = httpx.Request("GET", alice.http.base_url.copy_with(raw_path=path.encode()), headers=alice.http.headers)
    assert alice.http.send(request, auth=alice.http.auth).json()["ocs"]["data"]["id"] == alice.id


@pytest.mark.parametrize("path", ["/", "/index.php", "/index.php/", "/index.php?x=1", "//index.php//", "/index.php//"])
def test_the_start_page_has_several_addresses(server: Server, path: str) -> None:
    client = server.client()
    request = httpx.Request("GET", client.base_url.copy_with(raw_path=path.encode()))
    assert "<main" in client.send(request).text


def test_head_is_get_without_the_body(alice: Person) -> None:
    token = alice.create_room()
    get, head = alice.http.get(f"{ROOM}/{token}"), alice.http.head(f"{ROOM}/{token}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert alice.http.head(f"{ROOM}/abcdefgh").status_code == 404


def test_unknown_operations_answer_404(alice: Person) -> None:
    for path in ("/ocs/v2.php/apps/spreed/api/v4/nothing", "/ocs/v2.php/nothing", "/ocs/v2.php"):
        answer = alice.http.get(path)
        assert answer.status_code == 404
        assert answer.json()["ocs"]["meta"]["statuscode"] == 998
    assert alice.http.get("/ocs/v1.php/nothing").status_code == 200
    assert alice.http.get("/nothing").status_code == 404


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "PUT", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", [ROOM, "/ocs/v1.php/cloud/groups", "/index.php/login", "/status.php"])
def test_wrong_methods_get_405_in_the_requested_media_type(alice: Person, method: str, path: str) -> None:
    for headers, query, kind in (
        ({}, "", "application/json; charset=utf-8"),
        ({"Accept": "*/*"}, "?format=json", "application/json; charset=utf-8"),
        ({"Accept": "*/*"}, "", "application/xml; charset=utf-8" if "/ocs/" in path else "text/html; charset=utf-8"),
    ):
        answer = alice.http.request(method, path + query, headers=headers)
        assert (answer.status_code, answer.content) == (405, b"")
        assert answer.headers["content-type"] == kind
        assert "GET" in answer.headers["allow"]


def test_methods_that_do_not_exist_are_refused(server: Server) -> None:
    answer = raw(server, f"FANTASY {ROOM} HTTP/1.1\nHost: x")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer


def test_wrong_methods_at_unknown_addresses_get_404(alice: Person) -> None:
    assert alice.http.options("/ocs/v2.php/nothing").json()["ocs"]["meta"]["statuscode"] == 998
    assert alice.http.patch("/nothing").status_code == 404


# --- callers ------------------------------------------------------------------------------
@pytest.mark.parametrize(("credentials", "words"), [(None, NOBODY), (("alice", "wrong"), "Unauthorised")])
@pytest.mark.parametrize("path", [ME, ME.replace("v2", "v1"), ROOM, f"{ROOM}/abcdefgh/breakout-rooms"])
def test_callers_without_a_login_get_a_challenge(server: Server, path: str, credentials: Any, words: str) -> None:
    for query, extra in (("", {}), ("?format=json", {"Accept": "*/*"})):
        answer = server.client().get(path + query, auth=credentials, headers=extra)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="Authorisation Required"'
        assert answer.json()["ocs"]["meta"]["statuscode"] == 997
        assert answer.json()["ocs"]["meta"]["message"] == words


def test_wrong_credentials_get_401_on_pages_and_pictures(server: Server) -> None:
    for path in ("/", "/login", "/avatar/alice/64", "/avatar/guest/x/64", "/index.php/csrftoken"):
        answer = server.client().get(path, auth=("alice", "wrong"))
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorised"})
        assert answer.headers["www-authenticate"] == 'Basic realm="Authorisation Required"'


def test_scripts_of_a_page_get_a_challenge_that_browsers_ignore(server: Server) -> None:
    answer = server.client().get(ME, headers={"X-Requested-With": "XMLHttpRequest"})
    assert answer.headers["www-authenticate"] == 'DummyBasic realm="Authorisation Required"'


def test_wrong_checksums_get_401_with_a_challenge(server: Server) -> None:
    answer = server.client().post(f"{ROOM}/abcdefgh/open-dial-in", headers={"Talk-SipBridge-Checksum": "x"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="Authorisation Required"'


def test_the_envelope_has_two_versions_in_json_and_xml(alice: Person) -> None:
    for version in (1, 2):
        url = f"/ocs/v{version}.php/cloud/user"
        assert alice.http.get(url).json()["ocs"]["meta"]["statuscode"] == (100 if version == 1 else 200)
        plain = alice.http.get(url, headers={"Accept": "*/*"})
        assert plain.headers["content-type"].startswith("application/xml")
        assert f"<id>{alice.id}</id>" in plain.text
        for wanted, kind in (("json", "json"), ("xml", "xml")):
            assert kind in alice.http.get(url, params={"format": wanted}).headers["content-type"]
    hidden = alice.http.get("/ocs/v1.php/apps/spreed/api/v4/room/abcdefgh")
    assert (hidden.status_code, hidden.json()["ocs"]["meta"]["statuscode"]) == (200, 404)


# --- bodies ---------------------------------------------------------------------------------
def rename(alice: Person, token: str, **body: Any) -> int:
    return alice.http.put(f"{ROOM}/{token}", **body).status_code


def test_parameters_come_from_json_forms_multipart_and_query(alice: Person) -> None:
    token = alice.create_room()
    bodies: tuple[dict[str, Any], ...] = (
        {"json": {"roomName": "Name 0"}},
        {"data": {"roomName": "Name 1"}},
        {"files": {"roomName": (None, "Name 2")}},
        {"params": {"roomName": "Name 3"}},
        {"params": {"roomName": "Query"}, "json": {"roomName": "Name 4"}},
        {"content": b'{"roomName":"Name 5"}', "headers": {"Content-Type": "application/json; charset=utf-8"}},
        {"content": b'{"roomName":"Name 6"}'},
    )
    for number, body in enumerate(bodies):
        assert rename(alice, token, **body) == 200, body
        assert alice.room(token)["name"] == f"Name {number}"


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"a":NaN}', b""])
def test_broken_bodies_count_as_empty(alice: Person, body: bytes) -> None:
    token = alice.create_room()
    assert rename(alice, token, content=body, headers={"Content-Type": "application/json"}) == 400
    assert alice.room(token)["name"] == "Room"


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x", "nonsense", ""])
def test_broken_forms_are_refused(alice: Person, kind: str) -> None:
    token = alice.create_room()
    assert rename(alice, token, content=b"--x\r\nnonsense", headers={"Content-Type": kind}) == 400


def test_delete_requests_may_have_a_body(alice: Person) -> None:
    for body in ("json", "data", "params"):
        token = alice.create_room()
        sent: dict[str, Any] = {body: {"attendeeId": 10**9}}
        assert alice.http.request("DELETE", f"{ROOM}/{token}/attendees", **sent).status_code == 404
        assert alice.http.request("DELETE", f"{ROOM}/{token}/attendees").status_code == 400


def test_too_large_requests_are_refused(alice: Person) -> None:
    token = alice.create_room()
    assert rename(alice, token, json={"roomName": "x" * 1_100_000}) == 413
    answer = alice.http.post("/avatar/", files={"files[]": b"x" * 20_000_000})
    assert answer.status_code == 400


def raw(server: Server, head: str, body: bytes = b"") -> bytes:
    """Send bytes, and return the bytes of the answer."""
    with socket.create_connection(("127.0.0.1", server.config.server.port), timeout=5) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        got = b""
        while part := connection.recv(65536):
            got += part
        return got


def test_known_header_names_may_have_underscores(server: Server, alice: Person) -> None:
    request = f"POST {ROOM}?format=json HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 0\nOCS_APIREQUEST: true"
    assert b"412" not in raw(server, request).split(b"\r\n")[0]
    request = f"POST {ROOM}?format=json HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 0"
    assert raw(server, request).split(b"\r\n")[0].split()[1] in (b"401", b"412")


def test_proxies_may_use_http_1_0(server: Server) -> None:
    answer = raw(server, "GET /status.php HTTP/1.0\nHost: x")
    assert answer.split(b"\r\n")[0].split()[1] == b"200"
    assert b'"installed":true' in answer


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/status.php", "/static/icon.svg"])
def test_health_checks_need_no_host(server: Server, path: str) -> None:
    answer = raw(server, f"GET {path} HTTP/1.0")  # as HAProxy asks
    assert answer.split(b"\r\n")[0].split()[1] == b"200"


def test_malformed_requests_cause_no_server_error(server: Server) -> None:
    for head in (
        "GET /ocs/v2.php/cloud/user?%00%ff=%zz HTTP/1.1\nHost: x\nConnection: close\nAuthorization: Basic !!!",
        "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\nHost: x\nConnection: close",
        "GET /static/../../etc/passwd HTTP/1.1\nHost: x\nConnection: close",
        "GET /ocs/v2.php/cloud/user HTTP/1.1\nHost: x\nConnection: close\nAuthorization: Basic " + "A" * 4000,
        'GET / HTTP/1.1\nHost: x\nConnection: close\nCookie: talkd_session="\\\x01; =; ;;',
        "GET /avatar/%00/64 HTTP/1.1\nHost: x\nConnection: close",
    ):
        answer = raw(server, head)
        assert not answer or int(answer.split()[1]) < 500, head


# --- the address of the server --------------------------------------------------------------------
def base_of(client: httpx.Client, **headers: str) -> str:
    """Return the address that the server uses in links for this client."""
    answer = client.post("/index.php/login/v2", headers=headers)
    return str(answer.json()["poll"]["endpoint"]).removesuffix("/login/v2/poll").removesuffix("/index.php")


def test_links_have_the_address_that_the_client_used(server: Server) -> None:
    client = server.client()
    assert base_of(client) == server.url
    assert base_of(client, Host="talk.example:8443") == "http://talk.example:8443"
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    assert base_of(client, **forged) == server.url


@pytest.mark.parametrize("host", ["ex a", "ex%a", "talk.example/x", ""])
def test_an_invalid_host_is_refused_before_the_operation_runs(server: Server, alice: Person, host: str) -> None:
    token = alice.create_room(PUBLIC)
    with httpx.Client(base_url=server.url, headers={"OCS-APIRequest": "true", "Host": host}, trust_env=False) as client:
        for path in (f"{ROOM}/{token}/participants/active", "/index.php/login/v2"):  # the first sets a cookie
            answer = client.post(path)
            assert (answer.status_code, "set-cookie" in answer.headers) == (400, False), path
    assert set(alice.participants(token)) == {alice.id}


def test_headers_of_a_trusted_proxy_are_used(databases: Any, new_server: Callable[[Config], Server]) -> None:
    config = databases.config("sqlite")
    config.server.trusted_proxies = ["127.0.0.0/8"]
    client = new_server(config).client()
    forwarded = {"X-Forwarded-Host": "talk.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/talk"}
    assert base_of(client, **forwarded) == "https://talk.example/talk"
    for proto in ("HTTPS", "https ,Https", "http, https", '"https"'):  # the client's entry is before the proxy's
        assert (
            base_of(client, **{"X-Forwarded-Host": "talk.example", "X-Forwarded-Proto": proto})
            == "https://talk.example"
        )
    for broken in ("nonsense", ",", "1.2.3.4, ,", "::::"):
        assert client.get("/status.php", headers={"X-Forwarded-For": broken}).status_code == 200


def test_headers_of_several_trusted_proxies_are_used(databases: Any, new_server: Callable[[Config], Server]) -> None:
    config = databases.config("sqlite")
    config.server.trusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]
    client = new_server(config).client()
    way = {"X-Forwarded-For": "203.0.113.9, 10.0.0.2, 10.0.0.1"}
    for proto, host in (
        ("ftp, https, http, http", "evil.example, talk.example, inner, innermost"),
        ("https, http, http", "talk.example, inner, innermost"),
        ("https", "talk.example"),
    ):
        forwarded = {"X-Forwarded-Proto": proto, "X-Forwarded-Host": host}
        assert base_of(client, **way, **forwarded) == "https://talk.example"
        assert base_of(client, **way, **forwarded, **{"X-Forwarded-Port": "443"}) == "https://talk.example"
        assert base_of(client, **way, **forwarded, **{"X-Forwarded-Port": "8443"}) == "https://talk.example:8443"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ('"[2001:db8::1]:4711"', "2001:db8::1"),
        ("evil, 203.0.113.9:80 , 10.0.0.7:81,[::ffff:10.0.0.8]:82", "203.0.113.9"),
        ("203.0.113.9, unknown, 10.0.0.7", "10.0.0.7"),
        ("203.0.113.9, _hidden", "127.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", "127.0.0.1"),
        (",", "127.0.0.1"),
    ],
)
def test_the_client_address_is_the_nearest_untrusted_one(forwarded: str, client: str) -> None:
    proxies = Proxies(ServerConfig(trusted_proxies=["127.0.0.1", "10.0.0.0/8"]))
    assert proxies.find_client("127.0.0.1", forwarded) == client
    assert proxies.find_client("192.0.2.1", forwarded) == "192.0.2.1"


@pytest.mark.parametrize("trusted", ["::ffff:127.0.0.1", "::ffff:127.0.0.0/104", "::ffff:7f00:0/104"])
def test_a_trusted_ipv4_proxy_may_be_written_as_ipv6(trusted: str) -> None:
    proxies = Proxies(ServerConfig(trusted_proxies=[trusted]))
    assert proxies.find_client("127.0.0.1", "203.0.113.9") == "203.0.113.9"


def test_the_server_can_have_a_sub_path(databases: Any, new_server: Callable[[Config], Server]) -> None:
    config = databases.config("sqlite")
    config.server.public_url = "https://talk.example/sub/"
    server = new_server(config)
    client = server.client()
    assert base_of(client) == "https://talk.example/sub"
    assert client.get("/sub/status.php").json()["installed"] is True
    assert client.get("/status.php").json()["installed"] is True
    for root in ("/sub", "/sub/", "/sub?x=1", "/sub/index.php", "/sub/index.php/", "/", "//sub//index.php//"):
        assert "<main" in client.get(root).text, root
    assert client.get("/subway").status_code == 404
    alice = server.add_user("alice")
    assert alice.http.get(f"/sub/index.php{ME}").json()["ocs"]["data"]["id"] == alice.id
    answer = alice.http.post(f"/sub{ROOM}/{alice.create_room(PUBLIC)}/participants/active")
    assert "Path=/sub" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]


def test_answers_are_not_cached(alice: Person) -> None:
    assert "no-store" in alice.http.get(ROOM).headers["cache-control"]
