"""A request as operations see it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from talkd.config import Config
from talkd.conversation.login import Credential
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core import clock
from talkd.core.actor import GUESTS, USERS, Actor
from talkd.core.errors import NotAuthenticated
from talkd.core.networks import subnet_of
from talkd.realtime.changes import Changes, HangUp, Watch
from talkd.storage.database import Database, Tx, Work
from talkd.web.bodies import Body
from talkd.web.etags import is_known
from talkd.web.limits import Limit, Limits
from talkd.web.logins import Logins
from talkd.web.routing import Route
from talkd.web.throttle import Throttle

P = TypeVar("P", bound=msgspec.Struct)
T = TypeVar("T")


class Caller(msgspec.Struct, frozen=True):
    """The sender of a request. `user_id` is None for visitors; `browser` is the fingerprint of the session cookie."""

    user_id: str | None = None
    display_name: str = ""
    language: str = ""
    """The language that the account of a browser has chosen, or an empty text."""
    is_admin: bool = False
    browser: str = ""
    address: str = ""
    by_cookie: bool = False
    """Whether the session cookie logged the caller in. Changes then need a request token (CSRF)."""
    request_token: str = ""
    app_password_id: int | None = None
    is_confirmed: bool = False
    """Whether the caller has sent the account's own password with the request or, in this browser, recently."""
    credential: Credential | None = None
    """The credential that the caller is logged in with; None for visitors."""
    generation: int = 0
    """`Logins.generation` when the caller was identified."""

    @property
    def login(self) -> str:
        """The secret of the credential that the caller is logged in with, or "" for visitors."""
        return self.credential.secret if self.credential is not None else ""

    @property
    def actor(self) -> Actor:
        """The logged-in user as an actor, or an empty guest: the actor of a visitor is only known inside a room."""
        return Actor(USERS, self.user_id, self.display_name) if self.user_id is not None else Actor(GUESTS, "")


@dataclass(slots=True)
class World:
    """The parts of the running server that the edge hands to operations."""

    config: Config
    db: Database
    changes: Changes
    talk_settings: TalkSettings
    throttle: Throttle
    limits: Limits
    logins: Logins
    may_use_talk: Callable[[Tx, str], Awaitable[bool]]
    """Return True if an account may use Talk (the setting `allowed_groups`)."""
    before_writing: Callable[[Tx, Room], Awaitable[None]]
    """Called before an operation writes in a room that it has locked, unless its route has `notifies_first=False`."""
    parts: dict[type[Any], Any]
    """Objects that areas keep in memory, by type."""
    started_at: float = field(default_factory=clock.ticks)
    """The moment on `clock.ticks` at which this server started."""
    epoch: str = ""
    """The epoch in the database (`conversation/standing.py`) that the memory of this process belongs to."""
    is_shared: bool = False
    """Whether other processes may serve the same database."""
    talk_hash: str = ""
    """Value of `X-Nextcloud-Talk-Hash`. It changes when clients should read the capabilities again."""

    def __getitem__(self, kind: type[T]) -> T:
        """Return the object of that type in `parts`."""
        part: T = self.parts[kind]
        return part


@dataclass(slots=True)
class Call(Generic[P]):
    """One authenticated request with its parameters."""

    world: World
    caller: Caller
    params: P
    base_url: str
    """The address under which the client reaches the server, without a slash at the end.

    Empty for operations that are `unconditional`.
    """
    token: str = ""
    """The room's token in the path, or empty."""
    participant: Participant | None = None
    """The caller in the room, if the route has a participant guard or the operation has looked them up."""
    raw: dict[str, Any] = field(default_factory=dict)
    """The parameters of the request by name, before they are converted to `params`."""
    body: bytes = b""
    """The body of the request as it came; empty if it was a multipart form."""
    get_header: Callable[[str], str | None] | None = None
    method: str = "GET"
    route: Route | None = None
    began: float = 0.0
    """The event loop's time when the request arrived. Waits are measured from here."""
    standing: int = 0
    """`Changes.standing` before the last check that the caller is in the room."""
    is_still: bool = False
    """Whether the operation has checked the caller again itself, after reading what it answers."""
    hang_up: HangUp | None = None
    """Reports that the client has disconnected."""
    upload: Body | None = None
    """The body of the request, if its route receives it itself. Nothing of it has been read."""
    length: int | None = None
    """The announced size of the body in bytes, if it is known."""
    give_back: Callable[[], None] | None = None
    """Undoes the count towards a limit."""

    def count(self, limit: Limit) -> None:
        """Count the operation towards a limit, once even if the transaction is retried. Raises Throttled."""
        self.uncount()
        self.give_back = self.world.limits.spend(limit, self)

    def uncount(self) -> None:
        """Undo `count`, because the operation failed or created nothing new."""
        if self.give_back is not None:
            self.give_back()
            self.give_back = None

    async def write(self, work: Work[T]) -> T:
        """Run a write transaction. On PostgreSQL, writes in the same room run one after the other."""
        is_brief = self.route is not None and self.route.is_brief
        return await self.world.db.write(work, queue=self.token, is_brief=is_brief)

    async def write_if_possible(self, work: Work[Any]) -> None:
        """Run a write transaction whose failure does not matter for the answer."""
        await self.world.db.write_if_possible(work, queue=self.token)

    def header(self, name: str) -> str:
        """Return a header of the request, or an empty text."""
        return (self.get_header(name) if self.get_header is not None else None) or ""

    def knows(self, etag: str) -> bool:
        """Return True if the client already has the answer with this tag, so that 304 is enough."""
        return is_known(etag, self.header("if-none-match"))

    def watch(self, *topics: str) -> Watch:
        """Return a watch that ends when the client disconnects. It counts towards the limits of network and session."""
        limits, session = self.world.config.security, self.me.session
        owners = {
            subnet_of(self.caller.address): limits.polls_by_address,
            session.session_id if session is not None else f"attendee:{self.me.attendee.id}": limits.polls_by_session,
        }
        return self.world.changes.watch(*topics, hang_up=self.hang_up, owners=owners)

    @property
    def me(self) -> Participant:
        """The caller in the room. Only routes with a participant guard have one."""
        assert self.participant is not None, "the operation has no participant guard"
        return self.participant

    @property
    def user_id(self) -> str:
        """The logged-in user's id. Raises NotAuthenticated for visitors."""
        if self.caller.user_id is None:
            raise NotAuthenticated
        return self.caller.user_id
