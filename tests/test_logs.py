"""The log: its format, and that it contains neither secrets nor forged lines."""

import io
import json
import logging
from collections.abc import Iterator

import msgspec
import pytest

from support.commands import restored_process
from talkd import logs
from talkd.config_groups import LogConfig
from talkd.core.log import Log

CANARY = "canary-7f3a"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with restored_process():
        yield


def written(format_: str = "json", level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(msgspec.convert({"level": level, "format": format_}, LogConfig), stream)
    return stream


@pytest.mark.parametrize("format_", ["json", "text"])
@pytest.mark.parametrize(
    "key",
    ["password", "token", "secret", "authorization", "cookie", "message", "turn_secret", "Set-Cookie", "request_token"],
)
def test_secrets_and_messages_are_not_logged(format_: str, key: str) -> None:
    stream = written(format_)
    Log("talkd.test").info("something", room="abc", **{key: CANARY})
    Log("talkd.test").info("nested", headers={key: CANARY}, several=[{key: CANARY}])
    assert CANARY not in stream.getvalue()
    assert "abc" in stream.getvalue()


@pytest.mark.parametrize("format_", ["json", "text"])
def test_stack_traces_contain_no_local_values(format_: str) -> None:
    stream = written(format_)

    def guess(password: str) -> None:
        raise LookupError

    try:
        guess(CANARY)
    except LookupError:
        Log("talkd.test").exception("failed")
    assert "LookupError" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_libraries_log_in_the_same_format() -> None:
    stream = written()
    logging.getLogger("some.library").warning("about %s", "this")
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert (record["event"], record["level"], record["logger"]) == ("about this", "warning", "some.library")
    assert record["timestamp"].endswith("Z")


def test_events_below_the_level_are_not_logged() -> None:
    stream = written(level="warning")
    Log("talkd.test").info("little")
    Log("talkd.test").warning("much")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["much"]


FORGED = "x\n2026-01-01 [error] forged\r\x0b\x0c\x85\u2028\u2029y \x1b[31m \u202e \u200b \U000e0041 \x7f"


@pytest.mark.parametrize("format_", ["json", "text"])
def test_a_logged_text_cannot_forge_a_line(format_: str) -> None:
    stream = written(format_)
    Log("talkd.test").warning("something", name=FORGED)
    Log("talkd.test").warning(FORGED, number=1)
    Log("talkd.test").warning("nested", names=[FORGED], kinds={FORGED: FORGED})
    logging.getLogger("some.library").warning("about %s", FORGED)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    if format_ == "json":
        assert json.loads(lines[0])["name"] == FORGED


@pytest.mark.parametrize("format_", ["json", "text"])
def test_the_text_of_an_error_cannot_forge_an_event(format_: str) -> None:
    stream = written(format_)
    try:
        raise LookupError(FORGED)
    except LookupError:
        Log("talkd.test").exception("failed")
        logging.getLogger("some.library").exception("failed, too")
    lines = stream.getvalue().splitlines()
    assert all(line.isprintable() for line in lines)
    events = [line for line in lines if line and not line.startswith(" ")]
    assert len(events) == 2
    assert not any(line.startswith("2026-01-01 [error] forged") for line in events)
