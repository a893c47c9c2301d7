"""The route table. Every operation is declared with its guards in an area's `routes.py`.

An operation must have one of the guards about logins, `Guard.NO_LOGIN` included.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from typing import Any, get_type_hints

import msgspec

from talkd.conversation.settings import TalkSettings
from talkd.core.errors import NULL, TalkError
from talkd.core.ids import TOKEN_FORM
from talkd.web.limits import Limit
from talkd.web.params import NoParams

TALK = "/apps/spreed/"
"""Prefix of the paths of Talk's operations."""
SHARING = "/apps/files_sharing/"
"""Prefix of the paths of the operations that share files."""
_PATH_NAME = re.compile(r"\{(\w+)\}")
_DIGITS = re.compile("[0-9]+")


class Guard(Enum):
    """What must hold before an operation runs. Guards run in the order of this list, whatever order a route names."""

    NO_LOGIN = "no login"
    """No login is needed."""
    USER = "user"
    """The caller is logged in, else 401."""
    ADMIN = "admin"
    """The caller is logged in as an administrator, else 401 or 403."""
    SUBADMIN = "subadmin"
    """As ADMIN, with the message of the provisioning API."""
    PARTICIPANT = "participant"
    """The caller is in the room of the path's token, else 404."""
    IDENTIFIED = "identified"
    """As PARTICIPANT, and the caller is not a guest, else 404."""
    MODERATOR = "moderator"
    """As PARTICIPANT, and the caller is a moderator, else 403."""
    ACCOUNT = "account"
    """The caller in the room is not a guest, else 403. Guest moderators do not pass either."""
    CALLS_ENABLED = "calls-enabled"
    """The setting `start_calls` is not "nobody", else 403."""
    READ_WRITE = "read-write"
    """The room is not locked, else 403."""
    PAST_LOBBY = "past-lobby"
    """The lobby is off, or the caller need not wait in it, else 412."""
    MAY_CHAT = "may-chat"
    """The caller has the chat permission, else 403."""


ROOM_GUARDS = frozenset({Guard.PARTICIPANT, Guard.IDENTIFIED, Guard.MODERATOR})
LOGIN_GUARDS = frozenset({Guard.NO_LOGIN, Guard.USER, Guard.ADMIN, Guard.SUBADMIN})

IN_ROOM = (Guard.NO_LOGIN, Guard.PARTICIPANT)
"""All participants: users and guests, even if they wait in the lobby."""
PAST_LOBBY = (*IN_ROOM, Guard.PAST_LOBBY)
"""All participants who do not wait in the lobby."""
SPEAKING = (*PAST_LOBBY, Guard.READ_WRITE, Guard.MAY_CHAT)
"""All participants who may send messages."""
USER_IN_ROOM = (Guard.USER, Guard.PARTICIPANT)
USER_PAST_LOBBY = (*USER_IN_ROOM, Guard.PAST_LOBBY)
ANY_MODERATOR = (Guard.NO_LOGIN, Guard.MODERATOR)
"""All moderators, including guest moderators."""
USER_MODERATOR = (Guard.USER, Guard.MODERATOR)
MODERATOR_WITH_ACCOUNT = (*ANY_MODERATOR, Guard.ACCOUNT)
"""Visitors get 404 and guests 403, as docs/api/api-v1-2018.md says; with USER_MODERATOR both get 401."""

Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Signer:
    """A part of the installation that signs its requests with a shared secret (`core/checksums.py`)."""

    name: str
    """How its headers begin."""
    action: str
    """The brute-force action that counts wrong checksums."""
    secret: Callable[[TalkSettings], str]
    refusal: Any = NULL
    """The data of the answer to a wrong checksum."""


class Kind(Enum):
    """The form of an answer."""

    OCS = "ocs"
    """In the envelope of OCS, at addresses below `/ocs`."""
    PLAIN = "plain"
    """Without an envelope: pages, pictures and plain JSON."""


class Access(Enum):
    """What an operation does with the database."""

    READ = "read"
    WRITE = "write"
    OWN = "own"
    """The handler opens its transactions itself, because it waits for something else between them."""


@cache
def _types_of(params: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(params)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `path` starts with a slash; `{names}` in it become parameters, `{*name}` at its end the rest."""

    method: str
    path: str
    handler: Handler
    guards: tuple[Guard, ...]
    params: type[msgspec.Struct]
    access: Access
    kind: Kind
    throttle: str | None
    """The brute-force action that must not be throttled. The handler counts its failures."""
    limit: Limit | None
    """How often one caller may use the operation."""
    csrf: bool
    """Whether the request must prove that one of the server's own pages or an app sent it."""
    summary: str
    tag: str
    returns: Any
    """Type of the answer's data, for the OpenAPI document."""
    errors: tuple[int, ...]
    notifies_first: bool
    """Whether notifications for earlier messages of the room are created before the operation writes, because it may
    change who is notified."""
    is_brief: bool = False
    """Whether it writes with a few statements, and locks rows of its room only, so that it may share a transaction."""
    signed_by: Signer | None = None
    """Who must have signed the token in the path. This is checked before the body is read."""
    receives: bool = False
    """Whether the handler itself reads the body, part by part."""
    before_file: Callable[..., Awaitable[int | None]] | None = None
    """Takes a transaction and the call, without parameters. Checks what is known before a form with a file is read, and
    returns how many bytes the form may have, or None for the limit of all forms."""
    unconditional: bool = False
    """Whether it answers even if the server is full, and ignores credentials, body and `Host`."""
    reads: Callable[[Any], Any] | None = None
    """Converts this version's parameters to those of the handler."""
    answers: Callable[[Any], Any] | None = None
    """Converts the handler's data to this version's."""
    refuses: Callable[[TalkError], TalkError] | None = None
    """Converts an error to this version's."""

    def path_forms(self) -> dict[str, re.Pattern[str]]:
        """Return the patterns that parameters in the path must match. Other paths are unknown addresses."""
        named = _PATH_NAME.findall(self.path)
        kinds = _types_of(self.params)
        forms = {name: _DIGITS for name in named if kinds.get(name) is int}
        return forms | ({"token": TOKEN_FORM} if "token" in named and self.path.startswith(TALK) else {})


@dataclass(slots=True)
class Routes:
    """An area's part of the route table, filled by decorators."""

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
        is_brief: bool = False,
        signed_by: Signer | None = None,
        receives: bool = False,
        before_file: Callable[..., Awaitable[int | None]] | None = None,
        unconditional: bool = False,
        refuses: Callable[[TalkError], TalkError] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare an operation for each of the API `versions`, or without a version in its path."""
        if not set(guards) & LOGIN_GUARDS:
            raise ValueError(f"{method} {path} needs a guard about logins")

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
                        is_brief=is_brief,
                        signed_by=signed_by,
                        receives=receives,
                        before_file=before_file,
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
        """Declare an operation of the table `today` for older API versions too.

        The pure functions `reads`, `answers` and `refuses` convert parameters, data and errors; they are in the area's
        `legacy.py`. Arguments that are left out stay as in `today`. `path` has no version; `answers` needs `returns`.
        Raises LookupError if `handler` is not in that table.
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
                    refuses=refuses or known.refuses,
                    returns=known.returns if answers is None else returns,
                )
            )
