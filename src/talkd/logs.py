"""Set up the log: one line for each event, as text or JSON. It never holds secrets or texts of messages."""

import contextlib
import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from talkd.config_groups import LogConfig

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
COLORS = {"warning": 33, "error": 31, "critical": 31}
"""The colours of levels on a terminal; others are green."""
HIDDEN = "[hidden]"
_SECRET_WORDS = ("password", "secret", "authorization", "cookie", "credential", "private_key")
_SECRET_KEYS = {"message", "text", "body", "token", "app_password", "request_token", "poll_token"}


def is_secret(key: str) -> bool:
    """Return True if a value under that key may be a secret or the text of a message."""
    name = key.lower().replace("-", "_")
    return name in _SECRET_KEYS or name.endswith("_token") or any(word in name for word in _SECRET_WORDS)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if isinstance(key, str) and is_secret(key) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(item) for item in value]
    return value


def _escaped(text: str) -> str:
    """Escape line breaks and other unprintable characters.

    Otherwise a logged text of a client could forge log lines, or send commands to a terminal.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


class _Formatter(logging.Formatter):
    """Formats the events of talkd and the records of libraries alike. Subclasses arrange the parts."""

    def format(self, record: logging.LogRecord) -> str:
        given: dict[str, Any] = getattr(record, "values", {})
        values = {key: HIDDEN if is_secret(key) else _without_secrets(value) for key, value in given.items()}
        when = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        # Stack traces leave out the values of local variables, which may be secrets.
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        return self.arrange(record.getMessage(), values, record.levelname.lower(), record.name, when, trace)

    def arrange(self, event: str, values: dict[str, Any], level: str, name: str, when: str, trace: str) -> str:
        """Return the text of one event."""
        raise NotImplementedError


class _Json(_Formatter):
    """One JSON object for each event."""

    def arrange(self, event: str, values: dict[str, Any], level: str, name: str, when: str, trace: str) -> str:
        about = {"event": event, "level": level, "logger": name, "timestamp": when}
        return _to_json({**values, **about, **({"exception": trace.rstrip()} if trace else {})})


class _Text(_Formatter):
    """One line for each event, and below it the indented stack trace, so that none of its lines looks like an event."""

    def __init__(self, *, has_colors: bool) -> None:
        super().__init__()
        self._has_colors = has_colors

    def arrange(self, event: str, values: dict[str, Any], level: str, name: str, when: str, trace: str) -> str:
        shown = f"{level:8}"
        if self._has_colors:
            shown = f"\033[{COLORS.get(level, 32)}m{shown}\033[0m"
        words = [when, f"[{shown}]", f"{_escaped(event):30}", f"[{name}]"]
        words += [f"{_escaped(key)}={_plain(value)}" for key, value in values.items()]
        return "\n".join([" ".join(words), *(f"    {_escaped(line)}" for line in trace.splitlines())])


def _plain(value: Any) -> str:
    """Return a word as it is, and any other value as in Python, which escapes unprintable characters."""
    is_word = isinstance(value, str) and value.isprintable() and value != "" and not set(value) & set(" '\"=")
    return value if is_word else repr(value)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Log nothing of talkd within this context: a command prints its own error message instead."""
    ours = logging.getLogger("talkd")
    before = ours.level
    ours.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        ours.setLevel(before)


def configure(config: LogConfig, stream: TextIO | None = None) -> None:
    """Write all events, and the log records of libraries, to `stream` (standard error by default)."""
    stream = stream or sys.stderr
    as_text = config.format == "text" or (config.format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Text(has_colors=stream.isatty()) if as_text else _Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = LEVELS.get(config.level.lower(), logging.INFO)
    root.setLevel(level)
    for name in ("asyncio", "alembic", "PIL", "websockets"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    # It writes a stack trace each time that it cannot connect; storage logs that in one line a second.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)


def _to_json(value: Any) -> str:
    text = msgspec.json.encode(value, enc_hook=repr).decode()
    # msgspec leaves some unprintable characters unescaped, such as direction marks; all of them are inside strings.
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
