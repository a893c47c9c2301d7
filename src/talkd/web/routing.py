"""The route table: every operation is declared, with its guards, in an area's `routes.py`.

An operation without guards does not register; `Guard.NO_LOGIN` is a guard too.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, get_type_hints

import msgspec

from talkd.core.errors import TalkError
from talkd.core.ids import TOKEN_FORM
from talkd.web.limits import Limit
from talkd.web.params import NoParams

TALK = "/apps/spreed/"
"""Where the operations of Talk are, below the addresses of OCS."""
_PATH_NAME = re.compile(r"\{(\w+)\}")
_DIGITS = re.compile("[0-9]+")


class Guard(Enum):
    """What must hold before an operation runs. Guards run in the order of this list, whatever order a route names."""

    NO_LOGIN = "no login"
    """Nobody needs to be logged in."""
    USER = "user"
    """Somebody is logged in, else 401."""
    ADMIN = "admin"
    """An administrator is logged in, else 401 or 403."""
    SUBADMIN = "subadmin"
    """As ADMIN, with the provisioning API's own words."""
    PARTICIPANT = "participant"
    """The caller is in the room of the path's token, else 404."""
    IDENTIFIED = "identified"
    """As PARTICIPANT, and not a guest, else 404."""
    MODERATOR = "moderator"
    """As PARTICIPANT, and a moderator, else 403."""
    ACCOUNT = "account"
    """The caller in the room has an account, else 403. Guests, guest moderators too, do not pass."""
    CALLS_ENABLED = "calls-enabled"
    """Calls are not switched off for everybody, else 403."""
    READ_WRITE = "read-write"
    """The room is not locked, else 403."""
    LOBBY_OPEN = "lobby"
    """The lobby does not stand in the caller's way, else 412."""
    MAY_CHAT = "may-chat"
    """The caller has the chat permission, else 403."""


ROOM_GUARDS = frozenset({Guard.PARTICIPANT, Guard.IDENTIFIED, Guard.MODERATOR})
WHO_GUARDS = frozenset({Guard.NO_LOGIN, Guard.USER, Guard.ADMIN, Guard.SUBADMIN})

IN_ROOM = (Guard.NO_LOGIN, Guard.PARTICIPANT)
"""Everybody in the room: users and guests, in the lobby too."""
PAST_LOBBY = (*IN_ROOM, Guard.LOBBY_OPEN)
"""Everybody in the room whom no lobby keeps out."""
SPEAKING = (*PAST_LOBBY, Guard.READ_WRITE, Guard.MAY_CHAT)
"""Everybody in the room who may say something there."""
USER_IN_ROOM = (Guard.USER, Guard.PARTICIPANT)
USER_PAST_LOBBY = (*USER_IN_ROOM, Guard.LOBBY_OPEN)
ANY_MODERATOR = (Guard.NO_LOGIN, Guard.MODERATOR)
"""Every moderator, guest moderators too."""
USER_MODERATOR = (Guard.USER, Guard.MODERATOR)
MODERATOR_WITH_ACCOUNT = (*ANY_MODERATOR, Guard.ACCOUNT)
"""Visitors get 404 and guests 403, as docs/api/api-v1-2018.md says; with USER_MODERATOR both get 401."""

Handler = Callable[..., Any]


class Kind(Enum):
    """How an answer is wrapped."""

    OCS = "ocs"
    PLAIN = "plain"


class Access(Enum):
    """What an operation does with the database."""

    READ = "read"
    WRITE = "write"
    OWN = "own"
    """It opens its transactions itself, because it waits for the world in between."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `path` starts with a slash; `{names}` in it become parameters."""

    method: str
    path: str
    handler: Handler
    guards: tuple[Guard, ...]
    params: type[msgspec.Struct]
    access: Access
    kind: Kind
    throttle: str | None
    """The brute-force action under which the operation itself counts failures: too many, and it does not run."""
    limit: Limit | None
    """How much of it one person may do."""
    csrf: bool
    """Whether the call must prove that no other site made the browser send it."""
    summary: str
    tag: str
    returns: Any
    """Type of the answer's data, for the OpenAPI document."""
    errors: tuple[int, ...]
    notifies_first: bool
    """Whether earlier messages of the room create their notifications before the operation writes, because it may
    change who is notified."""
    unconditional: bool = False
    """Whether it answers whatever else the server does and whatever credentials or body the request brings."""
    reads: Callable[[Any], Any] | None = None
    """Turns this version's parameters into those that the handler knows."""
    answers: Callable[[Any], Any] | None = None
    """Turns the handler's data into this version's."""
    refuses: Callable[[TalkError], TalkError] | None = None
    """Turns a refusal into what this version calls it."""

    def path_forms(self) -> dict[str, re.Pattern[str]]:
        """Return the forms that parts of the path must have; with another form the address leads nowhere."""
        kinds = get_type_hints(self.params)
        named = _PATH_NAME.findall(self.path)
        forms = {name: _DIGITS for name in named if kinds.get(name) is int}
        return forms | ({"token": TOKEN_FORM} if "token" in named and self.path.startswith(TALK) else {})


@dataclass(slots=True)
class Routes:
    """An area's table, filled by decorators."""

    tag: str
    base: str = "/apps/spreed/api"
    kind: Kind = Kind.OCS
    table: list[Route] = field(default_factory=list)

    def add(
        self,
        method: str,
        path: str,
        *guards: Guard,
        versions: Sequence[str] = (),
        params: type[msgspec.Struct] = NoParams,
        access: Access | None = None,
        throttle: str | None = None,
        limit: Limit | None = None,
        csrf: bool | None = None,
        returns: Any = None,
        errors: tuple[int, ...] = (),
        notifies_first: bool = True,
        unconditional: bool = False,
        refuses: Callable[[TalkError], TalkError] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare an operation for each of the API `versions` (none: the path stands by itself)."""
        if not set(guards) & WHO_GUARDS:
            raise ValueError(f"{method} {path} says not who may call it")

        def register(handler: Handler) -> Handler:
            for version in versions or ("",):
                prefix = f"{self.base}/{version}" if version else self.base
                self.table.append(
                    Route(
                        method=method,
                        path=f"{prefix}/{path.removeprefix('/')}" if path else prefix,
                        handler=handler,
                        guards=tuple(guard for guard in Guard if guard in guards),
                        params=params,
                        access=access or (Access.READ if method == "GET" else Access.WRITE),
                        kind=self.kind,
                        throttle=throttle,
                        limit=limit,
                        csrf=self.kind is Kind.OCS if csrf is None else csrf,
                        summary=(handler.__doc__ or "").strip().split("\n")[0],
                        tag=self.tag,
                        returns=returns,
                        errors=errors,
                        notifies_first=notifies_first,
                        unconditional=unconditional,
                        refuses=refuses,
                    )
                )
            return handler

        return register

    def older(
        self,
        today: "Routes",
        handler: Handler,
        *versions: str,
        path: str | None = None,
        guards: Sequence[Guard] | None = None,
        params: type[msgspec.Struct] | None = None,
        reads: Callable[[Any], Any] | None = None,
        answers: Callable[[Any], Any] | None = None,
        refuses: Callable[[TalkError], TalkError] | None = None,
        returns: Any = None,
    ) -> None:
        """Let older API versions have an operation of `today`, by pure functions of the area's `legacy.py`.

        What is not given is as it is today. `path` is without the version; `answers` goes with `returns`.
        Raises LookupError when `handler` is not in that table.
        """
        known = next((route for route in today.table if route.handler is handler), None)
        if known is None:
            raise LookupError(f"{handler.__qualname__} is not an operation of {today.tag}")
        below = known.path.removeprefix(today.base).lstrip("/").partition("/")[2] if path is None else path
        for version in versions:
            self.table.append(
                replace(
                    known,
                    path=f"{self.base}/{version}/{below}",
                    guards=known.guards if guards is None else tuple(guard for guard in Guard if guard in guards),
                    params=params or known.params,
                    reads=reads,
                    answers=answers,
                    refuses=refuses,
                    returns=known.returns if answers is None else returns,
                )
            )
