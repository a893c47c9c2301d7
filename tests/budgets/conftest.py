"""The server whose requests are measured."""

from collections.abc import Iterator

import pytest

from conftest import DATABASES, Databases
from support.running import LoopThread, Server


@pytest.fixture(scope="module", params=DATABASES)
def server(request: pytest.FixtureRequest, databases: Databases, loop_thread: LoopThread) -> Iterator[Server]:
    """A server without jobs, which run statements too."""
    made = Server(loop_thread, databases.config(request.param))
    made.run(made.app.stop_jobs())
    yield made
    made.stop()
