"""How many requests are answered at the same time: altogether, and from one network."""

from collections import Counter

from talkd.config import Config
from talkd.core.errors import Throttled, Unavailable
from talkd.realtime.changes import Changes

RETRY_SECONDS = 5
"""After how long a refused client should try again."""


class Admission:
    """Counts the requests in flight. Polls that wait count for the server, but not for their network."""

    def __init__(self, config: Config, changes: Changes) -> None:
        self._most = config.server.max_connections
        self._most_of_network = config.security.requests_by_address
        self._changes = changes
        self._in_flight = 0
        self._by_network: Counter[str] = Counter()

    def enter(self, network: str) -> None:
        """Count one more request. Raises Unavailable if the server is full, and Throttled if the network has enough."""
        if self._in_flight >= self._most:
            raise Unavailable(RETRY_SECONDS, message="The server is busy.")
        if self._by_network[network] - self._changes.waiting_of[network] >= self._most_of_network:
            raise Throttled(RETRY_SECONDS)
        self._in_flight += 1
        self._by_network[network] += 1

    def leave(self, network: str) -> None:
        """The request has its answer."""
        self._in_flight -= 1
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]
