"""What an area offers to the server: operations, background jobs, and what it does after a commit."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from talkd.core.events import Event
from talkd.web.call import World
from talkd.web.routing import Routes


@dataclass(frozen=True, slots=True)
class Job:
    """Something that the server does again and again, as long as it runs."""

    name: str
    every: float
    """Seconds between the end of one run and the start of the next."""
    run: Callable[[World], Coroutine[Any, Any, None]]


Effects = Mapping[type[Event], Callable[[World, Any], None]]
"""What an area does after the commit of an event. (`Reactions` is the same inside the transaction.)"""


@dataclass(frozen=True, slots=True)
class Area:
    """A row of the table in `app.py`."""

    routes: tuple[Routes, ...] = ()
    jobs: tuple[Job, ...] = ()
    after_commit: Effects | None = None
