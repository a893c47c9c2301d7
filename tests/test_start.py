"""What talkd loads when it starts: a large library that nothing needs yet makes the start slow and takes memory."""

import re
import subprocess
import sys

import pytest

from support.processes import Process, environment_with

TRACED = (sys.executable, "-X", "importtime", "-m", "talkd")
"""A talkd that also prints each module that it loads."""
NOT_AT_START = {
    "alembic": "it is needed only if there is something to migrate",
    "asyncpg": "it is needed only with PostgreSQL",
    "cryptography": "it is needed only for the keys of calls and for certificates",
    "email_validator": "it is needed only for an address",
    "falcon": "it is needed only for multipart forms",
    "jinja2": "it is needed only for a page",
    "obstore": "it is needed only for files on S3, and many servers do not have it",
    "PIL": "pictures are decoded in another process",
    "pillow_heif": "HEIC pictures are decoded in another process, and many servers do not have it",
    "pydantic": "msgspec checks the input",
    "rich": "it is needed only by programs that print in colours",
    "sqlalchemy.ext.asyncio": "it is needed only to migrate PostgreSQL",
    "sqlalchemy.orm": "talkd uses only SQLAlchemy's Core",
    "talkd.cli.occ": "a server runs no commands",
    "talkd.cli.user": "a server runs no commands",
}
NOT_FOR_HELP = {
    "httptools": "it is needed only by a server",
    "sqlalchemy": "it is needed only for a database",
    "talkd.app": "it is needed only by a server, or for a database",
    **NOT_AT_START,
}


def loaded(output: str) -> set[str]:
    """Return the modules in the output of a TRACED program."""
    return set(re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", output, re.MULTILINE))


@pytest.fixture(scope="module")
def at_start(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules that a server on an existing database has loaded when it has answered a request."""
    folder = tmp_path_factory.mktemp("start") / "data"
    with Process(folder):
        pass
    with Process(folder, program=TRACED, ADMIN_PASSWORD="") as server:
        assert server.client().get("/status.php").status_code == 200
    return loaded(server.output)


@pytest.fixture(scope="module")
def for_help() -> set[str]:
    """The modules that `talkd --help` loads."""
    words = [*TRACED, "--help"]
    ended = subprocess.run(words, capture_output=True, text=True, check=True, env=environment_with({}))
    return loaded(ended.stderr)


@pytest.mark.parametrize("name", NOT_AT_START)
def test_a_server_starts_without_what_it_does_not_need(name: str, at_start: set[str]) -> None:
    assert "httptools" in at_start
    assert name not in at_start, f"{name} was loaded: {NOT_AT_START[name]}"


@pytest.mark.parametrize("name", NOT_FOR_HELP)
def test_help_is_shown_without_what_it_does_not_need(name: str, for_help: set[str]) -> None:
    assert "click" in for_help
    assert name not in for_help, f"{name} was loaded: {NOT_FOR_HELP[name]}"


def test_every_listed_module_exists() -> None:
    """A module that was renamed or replaced would never be loaded, and its test would never fail."""
    script = f"import importlib\nfor name in {sorted(NOT_FOR_HELP)}: importlib.import_module(name)"
    subprocess.run([sys.executable, "-c", script], check=True, env=environment_with({}))
