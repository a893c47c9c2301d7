"""How far a long piece of work is."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Shows the steps of a piece of work."""

    def begin(self, label: str, total: int) -> AbstractContextManager[Advance]:
        """Begin a step. The function adds to what is done of `total`."""


class NoProgress:
    """Shows nothing."""

    @contextmanager
    def begin(self, label: str, total: int) -> Iterator[Advance]:  # noqa: ARG002 - shown by others
        """Begin a step."""
        yield lambda _: None
