"""The web client: its page and its files."""

import io
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from conftest import Databases
from support.browsers import log_in
from support.running import Server
from support.signaling_servers import use_servers
from talkd.areas.users.model import ADMIN_GROUP
from talkd.web.pages import client

PROGRAM = re.compile(r'src="([^"]+\.js)"')


@pytest.fixture
def server(sqlite_server: Server) -> Server:
    """Nothing in this file depends on the database."""
    return sqlite_server


def test_users_get_the_client_and_others_how_to_begin(server: Server) -> None:
    welcome = server.browser().get("/").text
    assert PROGRAM.search(welcome) is None
    assert "Log in to talk in this browser" in welcome
    page = log_in(server, server.add_user("alice")).get("/")
    assert PROGRAM.search(page.text) is not None
    assert page.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/call/abcd2345", "/index.php/call/abcd2345"])
def test_everybody_gets_the_client_at_the_link_of_a_room(server: Server, path: str) -> None:
    assert PROGRAM.search(server.browser().get(path).text) is not None


@pytest.mark.parametrize("path", ["/call/abcd2345/recording", "/index.php/call/abcd2345/recording"])
def test_recording_servers_get_a_page_of_their_own_without_a_session(server: Server, path: str) -> None:
    answer = server.browser().get(path)
    programs = PROGRAM.findall(answer.text)
    assert [program for program in programs if "/client/recording-" in program] == programs != []
    assert "set-cookie" not in answer.headers
    assert "requesttoken" not in answer.text
    assert server.browser().get("/call/%20/recording").status_code == 404


@pytest.mark.parametrize("path", ["/admin", "/admin/accounts"])
def test_only_administrators_get_the_administration(server: Server, path: str) -> None:
    answer = server.browser().get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?redirect_url={path.replace('/', '%2F')}")
    refused = log_in(server, server.add_user("alice")).get(path)
    assert (refused.status_code, PROGRAM.search(refused.text)) == (403, None)
    boss = server.add_user("boss")
    server.admin_request("POST", f"/ocs/v2.php/cloud/users/{boss.id}/groups", groupid=ADMIN_GROUP)
    assert PROGRAM.search(log_in(server, boss).get(path).text) is not None


def test_credentials_of_an_app_do_not_open_the_administration(server: Server) -> None:
    answer = server.admin.get("/admin")
    assert (answer.status_code, PROGRAM.search(answer.text)) == (303, None)


def test_the_page_allows_only_scripts_and_connections_of_this_server(server: Server) -> None:
    headers = server.browser().get("/call/abcd2345").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {server.url.replace('http', 'ws', 1)}"
    assert policy["require-trusted-types-for"] == "'script'"
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")


def test_the_page_allows_connections_to_external_signaling_servers(own_server: Server) -> None:
    use_servers(own_server, "https://signaling.example.org/standalone", "http://127.0.0.1:8188")
    policy = own_server.browser().get("/call/abcd2345").headers["content-security-policy"]
    [connections] = [part for part in policy.split("; ") if part.startswith("connect-src")]
    assert connections.split()[3:] == ["wss://signaling.example.org", "ws://127.0.0.1:8188"]


@pytest.mark.parametrize(("accepted", "sent"), [("gzip, deflate, br", "br"), ("gzip;q=0.5", "gzip"), ("identity", "")])
def test_files_are_sent_compressed_as_the_browser_accepts_and_kept_forever(
    server: Server, accepted: str, sent: str
) -> None:
    browser = server.browser()
    found = PROGRAM.search(browser.get("/call/abcd2345").text)
    assert found is not None
    with browser.stream("GET", found[1], headers={"Accept-Encoding": accepted}) as answer:
        size = len(b"".join(answer.iter_raw()))
    assert answer.headers.get("content-encoding", "") == sent
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["vary"] == "Accept-Encoding"
    whole = client.find_file(found[1].rpartition("/")[2])
    assert whole is not None
    assert (size < len(whole.content) / 2) == bool(sent)


@pytest.mark.parametrize("name", ["nothing.js", "index.html", ".sources", "%2e%2e%2fapp.py", "..%2f__init__.py"])
def test_no_other_file_is_sent(server: Server, name: str) -> None:
    assert server.browser().get(f"/client/{name}").status_code == 404


def test_names_of_unknown_files_are_not_remembered() -> None:
    assert client.find_file("nothing.js") is None  # reads the files
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(2000):
            client.find_file(f"{number}{'x' * 500}.js")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000  # the names alone would take a megabyte


def test_the_page_that_browsers_keep_says_nothing_about_the_caller(server: Server) -> None:
    browser = log_in(server, server.add_user("alice"))
    kept = browser.get("/client/shell")
    assert PROGRAM.search(kept.text) is not None
    assert "requesttoken" not in kept.text
    assert "set-cookie" not in kept.headers
    assert kept.headers["content-security-policy"] == browser.get("/").headers["content-security-policy"]
    assert server.browser().get("/client/shell").content == kept.content


def test_the_service_worker_may_only_connect_to_this_server(server: Server) -> None:
    answer = server.browser().get("/service-worker.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"
    assert answer.headers["cache-control"] == "no-cache"


def test_the_manifest_has_the_name_and_color_of_the_server(
    databases: Databases, new_server: Callable[..., Server]
) -> None:
    config = databases.config("sqlite")
    config.server.public_url = "https://example.org/talk"
    config.identity.name, config.identity.color = "Harbour", "#8a0b3c"
    browser = new_server(config).browser()
    manifest = browser.get("/talk/manifest.webmanifest").json()
    assert (manifest["name"], manifest["theme_color"], manifest["start_url"]) == ("Harbour", "#8a0b3c", "/talk/")
    icons = {each["type"]: browser.get(each["src"]) for each in manifest["icons"]}
    assert [each.headers["content-type"] for each in icons.values()] == list(icons)
    assert all("immutable" in each.headers["cache-control"] for each in icons.values())
    picture = Image.open(io.BytesIO(icons["image/png"].content))
    size = f"{picture.width}x{picture.height}"
    assert (size, picture.getpixel((0, 0))) == (manifest["icons"][-1]["sizes"], (0x8A, 0x0B, 0x3C))
    assert picture.getpixel((180, 215)) == (255, 255, 255)


def test_the_page_knows_the_sub_path_of_the_server(databases: Databases, new_server: Callable[..., Server]) -> None:
    config = databases.config("sqlite")
    config.server.public_url = "https://example.org/talk"
    browser = new_server(config).browser()
    text = browser.get("/talk/call/abcd2345").text
    found = PROGRAM.search(text)
    assert found is not None
    assert found[1].startswith("/talk/client/")
    assert browser.get(found[1]).status_code == 200
    assert 'data-root="/talk"' in text


def test_without_a_built_client_the_pages_say_how_to_use_an_app(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "FOLDER", tmp_path)
    assert "Connect an app" in log_in(server, server.add_user("alice")).get("/").text
    assert "/call/abcd2345" in server.browser().get("/call/abcd2345").text
