"""What an area offers to the server: operations, background jobs, and after-commit effects."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from talkd.core.events import Event
from talkd.web.call import World
from talkd.web.routing import Routes


class Runs(Enum):
    """Where a background job runs if several processes serve one database."""

    EVERYWHERE = "in each process, on what it keeps in memory"
    ONCE = "in the one that leads, on the database"


@dataclass(frozen=True, slots=True)
class Job:
    """A background job, which runs repeatedly as long as the server runs."""

    name: str
    every: float
    """Seconds between the end of one run and the start of the next."""
    run: Callable[[World], Coroutine[Any, Any, None]]
    where: Runs


Effects = Mapping[type[Event], Callable[[World, Any], None]]
"""The after-commit effects of an area, by kind of event. (`Reactions` are the effects inside the transaction.)"""


@dataclass(frozen=True, slots=True)
class Area:
    """A row of the table in `app.py`."""

    routes: tuple[Routes, ...] = ()
    jobs: tuple[Job, ...] = ()
    after_commit: Effects | None = None
    """Effects in every process, of commits of all processes: on what each keeps in memory."""
    at_origin: Effects | None = None
    """Effects in one process: the one that has committed, or the leading one if a command has."""
