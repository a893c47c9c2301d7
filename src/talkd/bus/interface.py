"""The interface of a bus: it carries messages between the processes that serve one database.

A bus may lose messages, and deliver some twice. `bus/others.py` notices both.
"""

import abc
from collections.abc import Callable

Receive = Callable[[bytes], None]


class Bus(abc.ABC):
    """The connection of this process to the bus."""

    def __init__(self, name: str) -> None:
        self.name = name
        """What all processes on this bus call it. Processes on different buses cannot serve one database."""
        self.receive: Receive = lambda _message: None
        """Called with each message of another process that is for all, or for this one."""

    @property
    @abc.abstractmethod
    def is_connected(self) -> bool:
        """Return True if messages reach the others, as far as this process knows."""

    @abc.abstractmethod
    async def open(self, process: int, installation: str) -> None:
        """Connect as this process of an installation. If that is not possible yet, go on trying.

        `process`: a number that no other process has. `installation`: only processes with the same text hear it.
        """

    @abc.abstractmethod
    def send(self, message: bytes, to: int | None = None) -> None:
        """Send a message to all other processes, or to one. It is lost if the bus is not connected."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Send what was not sent yet, and disconnect."""
