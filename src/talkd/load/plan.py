"""What a run of the load generator does."""

from collections.abc import Mapping

import msgspec

from talkd.core.ids import Numbers

WEIGHTS = {
    "list": 22,
    "open": 12,
    "send": 30,
    "react": 8,
    "read": 10,
    "history": 8,
    "search": 4,
    "call": 2,
    "login": 4,
}
"""What users do, and how often among 100 actions. docs/admin/load.md says what each of them is."""
ROOMS_OF_USER = 3
"""In how many rooms each user is."""
USERS_OF_ROOM = 10
"""How many users there are for each room, unless the number of rooms is given."""


class Wrong(Exception):
    """Something that the person at the keyboard must change. The message says what."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a run."""

    url: str
    """Without a slash at the end."""
    steps: tuple[int, ...] = (20,)
    """How many users there are in each step."""
    seconds: float = 60.0
    """How long each step is measured."""
    rooms: int = 0
    """0 for one for each ten users."""
    rate: float = 0.2
    """Actions a second of each user."""
    total_rate: float = 0.0
    """Actions a second of all users together; 0 for no such limit."""
    sockets: float = 0.5
    """The share of users who wait for messages with a WebSocket. The others wait with polls."""
    at_once: int = 200
    """How many actions may be in progress at the same time."""
    seed: int = 1
    weights: Mapping[str, int] = msgspec.field(default_factory=lambda: dict(WEIGHTS))
    verify: bool = True
    """Whether the certificate of the server must be valid."""

    @property
    def users(self) -> int:
        """How many accounts the run needs."""
        return max(self.steps)

    @property
    def room_count(self) -> int:
        """How many rooms the run needs."""
        return min(self.users, self.rooms or max(1, self.users // USERS_OF_ROOM))

    def rate_of(self, users: int) -> float:
        """Return how many actions a second each of so many users begins."""
        return min(self.rate, self.total_rate / users) if self.total_rate else self.rate

    def rooms_of(self, user: int) -> list[int]:
        """Return the numbers of a user's rooms. Users with close numbers share rooms, so that few users fill few."""
        first = user * self.room_count // self.users
        return list(dict.fromkeys((first + number) % self.room_count for number in range(ROOMS_OF_USER)))

    def has_socket(self, user: int) -> bool:
        """Return whether a user waits with a WebSocket. Among any users with consecutive numbers, the share is kept."""
        return int((user + 1) * self.sockets) > int(user * self.sockets)


def parse_weights(texts: tuple[str, ...]) -> dict[str, int]:
    """Return the weights with changes like `send=50`. Raises Wrong."""
    weights = dict(WEIGHTS)
    for text in texts:
        name, _, value = text.partition("=")
        if name not in WEIGHTS or not value.isdigit():
            raise Wrong(f"--weight {text}: write NAME=NUMBER, with a name of {', '.join(WEIGHTS)}")
        weights[name] = int(value)
    if not any(weights.values()):
        raise Wrong("--weight: users must do something")
    return weights


def choose(weights: Mapping[str, int], numbers: Numbers) -> str:
    """Return an action, each as often as its weight says."""
    return numbers.choices(list(weights), list(weights.values()))[0]
