"""The processing time of an input grows linearly with its length, not quadratically."""

import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import pytest

import talkd
from support.people import PUBLIC
from support.running import Server
from talkd.app import ROUTES
from talkd.core import emoji, mentions, search
from talkd.web.params import MAX_DEPTH, MAX_FIELDS, MAX_TEXT, Scalar
from talkd.web.routing import Route

SHORT, LONG = 2_000, 16_000
RATIO = 8 * 3
"""How much longer the long input may take. Quadratic time would be 64 times as long."""
UNNOTICEABLE = 0.02
"""Seconds below which measurements are too noisy to compare."""
PUMPS = (
    "/call/a?",
    "a",
    "/",
    "@a",
    "[",
    "](",
    "{a",
    "<a:",
    "`",
    "> ",
    "- ",
    " ",
    "'s",
    "a.",
    "a@",
    "a://",
    "www.",
    "\\",
    "\u0315\u0300",
    "\U0001f468\u200d",
    "#\ufe0f",
    "a[",
    "\n",
)


def like(pattern: re.Pattern[Any], text: str) -> Any:
    """Return a text as the pattern takes it."""
    return text.encode() if isinstance(pattern.pattern, bytes) else text


METHODS: dict[str, Callable[[re.Pattern[str], str], object]] = {
    "match": lambda pattern, text: pattern.match(like(pattern, text)),
    "fullmatch": lambda pattern, text: pattern.fullmatch(like(pattern, text)),
    "search": lambda pattern, text: pattern.search(like(pattern, text)),
    "findall": lambda pattern, text: pattern.findall(like(pattern, text)),
    "finditer": lambda pattern, text: list(pattern.finditer(like(pattern, text))),
    "split": lambda pattern, text: pattern.split(like(pattern, text)),
    "sub": lambda pattern, text: pattern.sub(like(pattern, ""), like(pattern, text)),
}


def spent(work: Callable[[str], object], text: str) -> float:
    """Return the processor time for a text, the shortest of several attempts."""
    tries = []
    for _ in range(3):
        began = time.process_time()
        work(text)
        tries.append(time.process_time() - began)
        if tries[-1] < UNNOTICEABLE:
            break
    return min(tries)


def is_linear(work: Callable[[str], object], pump: str, end: str = "\n\x00") -> bool:
    """Return True if the time grows no faster than the number of repetitions."""
    long = spent(work, pump * (LONG // len(pump)) + end)
    return long < UNNOTICEABLE or long < RATIO * spent(work, pump * (SHORT // len(pump)) + end)


def uses() -> Iterator[tuple[str, Callable[[str], object]]]:
    """Yield every use of a regular expression in talkd's modules, with the names of module and expression."""
    for found in pkgutil.walk_packages(talkd.__path__, "talkd."):
        if "__main__" in found.name or "migrations" in found.name:
            continue
        module = importlib.import_module(found.name)
        source = inspect.getsource(module)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                for method in sorted(set(re.findall(rf"(?<!\w){name}\.(\w+)\(", source)) & METHODS.keys()):
                    yield f"{found.name}.{name}.{method}", partial(METHODS[method], value)


USES = dict(uses())


def test_the_check_sees_every_regular_expression_of_requests() -> None:
    """It sees those that modules have as constants, and none that is written where it is used."""
    inline = re.compile(r"\bre\.(?:findall|finditer|fullmatch|match|search|split|sub)\(")
    names = [found.name for found in pkgutil.walk_packages(talkd.__path__, "talkd.")]
    of_requests = [name for name in names if not name.startswith(("talkd.cli", "talkd.config", "talkd.storage"))]
    sources = {name: inspect.getsource(importlib.import_module(name)) for name in of_requests if "__main__" not in name}
    assert [name for name, source in sources.items() if inline.search(source)] == []


@pytest.mark.parametrize(("pattern", "pump"), [(r"/call/([a-z0-9]+)/?(?:[?#].*)?$", "/call/a?"), (r" +$", " ")])
def test_the_check_detects_quadratic_time(pattern: str, pump: str) -> None:
    assert not is_linear(re.compile(pattern).search, pump)


@pytest.mark.parametrize("name", USES)
def test_no_regular_expression_takes_quadratic_time(name: str) -> None:
    for pump in PUMPS:
        assert is_linear(USES[name], pump), pump


@pytest.mark.parametrize(
    "work",
    [
        search.searchable,
        lambda text: search.find(text, "a" * 20 + "b"),
        lambda text: list(emoji.find_emojis(text)),
        mentions.list_mentions,
    ],
    ids=["searchable", "find", "emojis", "mentions"],
)
def test_parsing_a_text_takes_linear_time(work: Callable[[str], object]) -> None:
    for pump in PUMPS:
        assert is_linear(work, pump, "`"), pump


def test_search_ignores_excess_combining_marks() -> None:
    assert search.searchable("e\u0301" + "\u05b0" * 40) == search.searchable("e" + "\u05b0" * 29)
    assert search.searchable("Ångström " * 10) == "angstrom " * 10


# --- every parameter of every operation -----------------------------------------------------
MOST = 1.0
"""Maximum seconds of processor time for one request. Quadratic time takes several."""


def texts_of(route: Route) -> list[str]:
    """Return the names of the text parameters."""
    return [
        field.encode_name
        for field in msgspec.structs.fields(route.params)
        if field.type in (str, Scalar, str | None) and f"{{{field.encode_name}}}" not in route.path
    ]


def test_no_text_parameter_keeps_the_server_busy(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user("alice")
    token = alice.create_room(PUBLIC)
    last = alice.say(token, "hello")["id"]
    for route in ROUTES:
        names = texts_of(route)
        if not names or route.method == "GET":
            continue
        path = route.path.replace("{token}", token).replace("{messageId}", str(last))
        path = re.sub(r"\{\w+\}", "1", path)
        url = f"/ocs/v2.php{path}" if route.kind.value == "ocs" else path
        for pump in ("\u0315\u0300", "/call/a?"):
            body = {name: pump * (31_000 // len(pump)) for name in names}
            began = time.process_time()
            answer = alice.http.request(route.method, url, json=body)
            assert time.process_time() - began < MOST, (route.method, url, pump)
            assert answer.status_code < 500, (route.method, url, pump)


def test_a_search_in_the_body_of_a_get_request_is_ignored(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user("alice")
    began = time.process_time()
    answer = alice.http.request("GET", "/ocs/v2.php/search/providers", json={"from": "/call/a?" * 12_500})
    assert answer.status_code == 200
    assert time.process_time() - began < MOST


def test_text_parameters_have_a_maximum_length(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user("alice")
    token = alice.create_room()
    for path, name in (("v1/chat/{}", "message"), ("v1/chat/{}/share", "metaData"), ("v1/poll/{}", "question")):
        status, reason = alice.refused("POST", path.format(token), **{name: "x" * (MAX_TEXT + 1)})
        assert status in (400, 413), (path, reason)


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": ' + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1) + b"}",
        b'{"format": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}",
        b'{"format": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"message": [' + b"1," * MAX_FIELDS + b"1]}",
        b"{" + b",".join(b'"k%d": 1' % number for number in range(MAX_FIELDS + 1)) + b"}",
    ],
    ids=["deep lists", "deep maps", "deeper than the reader", "many values", "many names"],
)
def test_json_has_a_maximum_depth_and_size(sqlite_server: Server, body: bytes) -> None:
    alice = sqlite_server.add_user("alice")
    token = alice.create_room()
    answer = alice.http.post(f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}", content=body)
    assert answer.status_code == 400, answer.text


def test_forms_have_a_maximum_depth(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user("alice")
    token = alice.create_room()
    url = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}"
    for key in ("message" + "[a]" * 10_000, "message" + "[" * 30_000, "message" + "[]" * 30_000):
        data: Any = {key: "x"}
        assert alice.http.post(url, data=data).status_code == 400
