"""What an area offers to the server: operations, background jobs, and after-commit effects."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from talkd.core.events import Event
from talkd.web.call import World
from talkd.web.routing import Routes


@dataclass(frozen=True, slots=True)
class Job:
    """A background job, which runs repeatedly as long as the server runs."""

    name: str
    every: float
    """Seconds between the end of one run and the start of the next."""
    run: Callable[[World], Coroutine[Any, Any, None]]


Effects = Mapping[type[Event], Callable[[World, Any], None]]
"""The after-commit effects of an area, by kind of event. (`Reactions` are the effects inside the transaction.)"""


@dataclass(frozen=True, slots=True)
class Area:
    """A row of the table in `app.py`."""

    routes: tuple[Routes, ...] = ()
    jobs: tuple[Job, ...] = ()
    after_commit: Effects | None = None
