"""How many requests are answered at the same time: altogether, and with a body from one network."""

from collections import Counter

from talkd.config import Config
from talkd.core.errors import Throttled, Unavailable

RETRY_SECONDS = 5
"""After how long a refused client should try again."""


class Admission:
    """Counts the requests in flight. For their network only those with a body count: it may never come."""

    def __init__(self, config: Config) -> None:
        self._most = config.server.max_connections
        self._most_bodies = config.security.bodies_by_address
        self._in_flight = 0
        self._bodies: Counter[str] = Counter()

    def enter(self, network: str, *, has_body: bool) -> None:
        """Count one more request. Raises Unavailable if the server is full, and Throttled if the network has enough."""
        if self._in_flight >= self._most:
            raise Unavailable(RETRY_SECONDS, message="The server is busy.")
        if has_body:
            if self._bodies[network] >= self._most_bodies:
                raise Throttled(RETRY_SECONDS)
            self._bodies[network] += 1
        self._in_flight += 1

    def leave(self, network: str, *, has_body: bool) -> None:
        """The request has its answer."""
        self._in_flight -= 1
        if has_body:
            self._bodies[network] -= 1
            if not self._bodies[network]:
                del self._bodies[network]
