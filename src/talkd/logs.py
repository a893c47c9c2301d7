"""Set up the log: one line for each event, as text or JSON. It never holds secrets or texts of messages."""

import contextlib
import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from talkd.config import LogConfig

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
HIDDEN = "[hidden]"
_SECRET_WORDS = ("password", "secret", "authorization", "cookie", "credential", "private_key")
_SECRET_KEYS = {"message", "text", "body", "token", "app_password", "request_token", "poll_token"}


def is_secret(key: str) -> bool:
    """Return True if a value under that key may be a secret or the text of a message."""
    name = key.lower().replace("-", "_")
    return name in _SECRET_KEYS or name.endswith("_token") or any(word in name for word in _SECRET_WORDS)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of secret keys at any depth. A structlog processor."""
    for key in event:
        event[key] = HIDDEN if is_secret(key) else _without_secrets(event[key])
    return event


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if isinstance(key, str) and is_secret(key) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(item) for item in value]
    return value


def escape_breaks(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape line breaks and other unprintable characters in texts. A structlog processor.

    Otherwise a logged text of a client could forge log lines, or send commands to a terminal.
    """
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _escaped(value)
    return event


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _write_trace(stream: TextIO, trace: Any) -> None:
    """Write the stack trace of an error below its event, indented so that no line looks like an event."""
    written = io.StringIO()
    structlog.dev.plain_traceback(written, trace)
    stream.writelines(f"    {_escaped(line)}\n" for line in written.getvalue().splitlines())


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Log nothing within this context: a command prints its own error message instead."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def configure(config: LogConfig, stream: TextIO | None = None) -> None:
    """Write all events, and the log records of libraries, to `stream` (standard error by default)."""
    stream = stream or sys.stderr
    as_text = config.format == "text" or (config.format == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Stack traces leave out the values of local variables, which may be secrets.
    last: list[Any] = (
        [escape_breaks, structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=_write_trace)]
        if as_text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_to_json)]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, hide_secrets, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = LEVELS.get(config.level.lower(), logging.INFO)
    root.setLevel(level)
    for name in ("asyncio", "alembic", "PIL", "websockets"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    # It writes a stack trace each time that it cannot connect; storage logs that in one line a second.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _to_json(value: Any, **_options: Any) -> str:
    text = msgspec.json.encode(value, enc_hook=repr).decode()
    # msgspec leaves some unprintable characters unescaped, such as direction marks; all of them are inside strings.
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
