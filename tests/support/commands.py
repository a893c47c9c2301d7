"""The command line, run in this process through the entry point of the command `talkd`.

`support.processes` has the commands that need a process of their own.
"""

import contextlib
import logging
import os
import resource
import subprocess
from collections.abc import Iterator
from unittest.mock import patch

from click.testing import CliRunner

from support.processes import environment_with
from support.running import Server
from talkd.cli.root import app


@contextlib.contextmanager
def restored_process() -> Iterator[None]:
    """Afterwards, restore what a starting server sets for its process: the log, and the limit of open files."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("asyncio", "alembic", "PIL", "asyncpg.pool")}
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def run_with(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run `talkd WORDS` with exactly this environment. Return its output and exit status."""
    with restored_process(), patch.dict(os.environ, environment, clear=True):
        ended = CliRunner().invoke(app, words, catch_exceptions=False)
    return subprocess.CompletedProcess(words, ended.exit_code, ended.stdout, ended.stderr)


def run_talkd(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `talkd WORDS` with these settings (environment variables without `TALKD_`), for example a refused start."""
    return run_with(environment_with(settings), *words)


def run_command(server: Server, *words: str, stdin: str = "", **environment: str) -> str:
    """Run `talkd WORDS` on the database of a server, and return what it prints."""
    where = {"TALKD_DATA": server.config.data, "TALKD_DATABASE_URL": server.config.database.url}
    with patch.dict(os.environ, {**{name: value for name, value in where.items() if value}, **environment}):
        result = CliRunner().invoke(app, words, input=stdin)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output
