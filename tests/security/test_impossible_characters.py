"""Characters that no text may have are refused in every part of a request, before they reach a database."""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import PUBLIC
from support.running import ADMIN, ADMIN_PASSWORD, LoopThread, Server
from talkd.app import ROUTES
from talkd.areas.signaling import routes as signaling
from talkd.core.errors import Invalid
from talkd.web import params
from talkd.web.params import Upload
from talkd.web.routing import Kind, Route

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=part"}
IMPOSSIBLE = [b"%00", b"a%00b", b"%ff", b"%c0%80", b"%ed%a0%80", b"%f4%90%80%80"]
"""NUL, a byte that is not UTF-8, an overlong NUL, half of a surrogate pair, and a code point above the last one."""


class Sent:
    """A request to a route with impossible characters in one place."""

    def __init__(self, route: Route, token: str) -> None:
        self.method = route.method
        self.path = ("/ocs/v2.php" if route.kind is Kind.OCS else "") + route.path.replace("{token}", token)
        self.names = [field for field in route.params.__struct_fields__ if "{" + field + "}" not in route.path]

    def address(self, filler: bytes = b"1") -> bytes:
        """Return the path with `filler` as its parameters."""
        return re.sub(rb"{\w+}", lambda _: filler, self.path.encode())


def _part(name: bytes, content: bytes, file: bytes | None = None) -> bytes:
    tail = b"" if file is None else b'; filename="' + file + b'"'
    return b'--part\r\nContent-Disposition: form-data; name="' + name + b'"' + tail + b"\r\n\r\n" + content + b"\r\n"


def in_path(sent: Sent, bad: bytes) -> dict[str, Any] | None:
    """In the last parameters of the path, or in place of the room's token."""
    path = re.sub(rb"/{\w+}(?!.*{)", b"/" + bad, sent.path.encode())
    return None if path == sent.path.encode() else {"url": re.sub(rb"{\w+}", b"1", path)}


def in_query(sent: Sent, bad: bytes) -> dict[str, Any]:
    """As the value of every parameter."""
    fields = b"&".join(name.encode() + b"=" + bad for name in [*sent.names, "other"])
    return {"url": sent.address() + b"?" + fields}


def in_query_name(sent: Sent, bad: bytes) -> dict[str, Any]:
    """In a parameter's name."""
    return {"url": sent.address() + b"?" + bad + b"[]=1"}


def in_form(sent: Sent, bad: bytes) -> dict[str, Any]:
    """As the value of every field of a form."""
    return {"url": sent.address(), "headers": FORM, "content": in_query(sent, bad)["url"].partition(b"?")[2]}


def in_json(sent: Sent, bad: bytes) -> dict[str, Any]:
    """As the value of every member, in JSON notation."""
    escape = rb"\ud800" if b"%ed" in bad else rb"\u0000"
    members = b",".join(b'"' + name.encode() + b'":"' + escape + b'"' for name in [*sent.names, "other"])
    return {"url": sent.address(), "headers": JSON, "content": b"{" + members + b"}"}


def in_json_bytes(sent: Sent, _bad: bytes) -> dict[str, Any]:
    """As bytes that are not UTF-8, inside a list inside an object."""
    return {"url": sent.address(), "headers": JSON, "content": b'{"other":[{"a":"\xff"}]}'}


def in_multipart(sent: Sent, bad: bytes) -> dict[str, Any]:
    """In the fields of a multipart form."""
    raw = bad.replace(b"%00", b"\x00") if b"00" in bad else b"\xff"
    body = b"".join(_part(name.encode(), raw) for name in [*sent.names, "other"]) + b"--part--\r\n"
    return {"url": sent.address(), "headers": MULTIPART, "content": body}


def in_file_name(sent: Sent, bad: bytes) -> dict[str, Any]:
    """In the name of a file."""
    raw = b"\x00" if b"00" in bad else b"\xff"
    return {
        "url": sent.address(),
        "headers": MULTIPART,
        "content": _part(b"file", b"1", b"a" + raw) + b"--part--\r\n",
    }


Place = Callable[[Sent, bytes], dict[str, Any] | None]
PLACES: list[Place] = [
    in_path,
    in_query,
    in_query_name,
    in_form,
    in_json,
    in_json_bytes,
    in_multipart,
    in_file_name,
]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def own_server(request: pytest.FixtureRequest, databases: Any, loop_thread: LoopThread) -> Iterator[Server]:
    """A new server, because the requests are sent by an administrator."""
    server = Server(loop_thread, databases.config(request.param))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signaling, "MAX_POLL_SECONDS", 0)
        yield server
    server.stop()


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_every_operation_refuses_impossible_characters(own_server: Server, place: Place) -> None:
    client = own_server.client(ADMIN, ADMIN_PASSWORD)
    token = own_server.add_user().create_room(PUBLIC)
    for number, route in enumerate(ROUTES):
        request = place(Sent(route, token), IMPOSSIBLE[number % len(IMPOSSIBLE)])
        if request is None or ("content" in request and route.method in ("GET", "HEAD")):
            continue  # a body of GET is ignored
        if route.receives and request.keys() & {"content", "json", "data", "files"}:
            continue  # its body is the contents of a file, which may be any bytes
        url = client.base_url.copy_with(raw_path=request.pop("url"))
        answer = client.request(route.method, url, **request)
        assert 400 <= answer.status_code < 500, f"{route.method} {url} {request}: {answer.status_code}"


good = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5)
bad_texts = st.builds("".join, st.tuples(good, st.sampled_from(["\x00", "\ud800", "\udcff"]), good))


def nested(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Return parameters of any shape that contain a text."""
    return st.recursive(
        texts,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | st.dictionaries(good, inner, min_size=1, max_size=3)
            | st.dictionaries(texts, st.integers(), min_size=1, max_size=3)
            | st.builds(Upload, texts, good, st.binary(max_size=3))
        ),
        max_leaves=6,
    )


@given(good, nested(good))
def test_every_other_text_is_accepted(name: str, value: Any) -> None:
    params.require_text({name: value, "number": 1, "nothing": None})


@given(good, nested(bad_texts), bad_texts)
def test_impossible_characters_are_found_in_any_place(name: str, value: Any, bad_name: str) -> None:
    for raw in ({name: value}, {bad_name: 1}, {bad_name: "text"}, {"other": [1, {"a": value}]}):
        with pytest.raises(Invalid):
            params.require_text(raw)


@pytest.mark.parametrize("bad", ["\x00", "a\x00b", "\udcff"])
def test_credentials_and_cookies_with_impossible_characters_are_refused(server: Server, bad: str) -> None:
    for text in (f"{bad}:secret", f"alice:{bad}", bad):
        basic = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
        answer = server.client().get("/ocs/v2.php/cloud/user", headers={"Authorization": f"Basic {basic}"})
        assert answer.status_code == 401
    for header in (b"Authorization", b"Cookie", b"User-Agent", b"If-None-Match", b"X-Forwarded-For"):
        value = b"talkd_session=" + bad.encode("utf-8", "surrogateescape").replace(b"\x00", b"\xc3")
        answer = server.client().get("/ocs/v2.php/cloud/user", headers=[(header, b"Bearer " + value)])
        assert answer.status_code == 401


def test_login_forms_refuse_impossible_characters(server: Server) -> None:
    browser = server.client()
    token = browser.get("/csrftoken").json()["token"]
    for path in ("/login", "/login/flow/apptoken", "/login/v2/poll", "/core/wipe/check"):
        for field in (b"user", b"password", b"token", b"redirect_url"):
            body = f"requesttoken={token}&".encode() + field + b"=a%00b"
            answer: httpx.Response = browser.post(path, content=body, headers=FORM)
            assert answer.status_code == 400, f"{path} {field!r}"


def test_half_a_surrogate_pair_does_not_count_as_broken_json(server: Server) -> None:
    alice = server.add_user("alice")
    for body in (rb'{"roomType":2,"roomName":"\ud83d"}', b'{"roomType":2,"roomName":"\xff"}'):
        answer = alice.http.post("/ocs/v2.php/apps/spreed/api/v4/room", content=body, headers=JSON)
        assert answer.status_code == 400
    whole = alice.http.post(
        "/ocs/v2.php/apps/spreed/api/v4/room", content=rb'{"roomType":2,"roomName":"\ud83d\ude00"}', headers=JSON
    )
    assert whole.json()["ocs"]["data"]["name"] == "😀"
