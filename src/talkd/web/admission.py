"""Limit the requests in progress: all of them, and those with a body from one network."""

from collections import Counter

from talkd.config import Config
from talkd.core.errors import Throttled, Unavailable

RETRY_SECONDS = 5
"""Seconds after which a refused client should try again."""


class Admission:
    """Counts the requests in progress. The limit of a network is for bodies only, because a body may never arrive."""

    def __init__(self, config: Config) -> None:
        self._most = config.server.max_connections
        self._most_bodies = config.security.bodies_by_address
        self.in_flight = 0
        """The number of requests in progress."""
        self._bodies: Counter[str] = Counter()

    def enter(self, network: str, *, has_body: bool) -> None:
        """Count a new request. Raises Unavailable above the server's limit, and Throttled above the network's."""
        if self.in_flight >= self._most:
            raise Unavailable(RETRY_SECONDS, message="The server is busy.")
        if has_body:
            if self._bodies[network] >= self._most_bodies:
                raise Throttled(RETRY_SECONDS)
            self._bodies[network] += 1
        self.in_flight += 1

    def leave(self, network: str, *, has_body: bool) -> None:
        """Count the end of a request."""
        self.in_flight -= 1
        if has_body:
            self._bodies[network] -= 1
            if not self._bodies[network]:
                del self._bodies[network]
