"""What an operation gets to see of a request."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from talkd.config import Config
from talkd.conversation.login import Credential
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core.actor import GUESTS, USERS, Actor
from talkd.core.errors import NotAuthenticated
from talkd.core.networks import subnet_of
from talkd.realtime.changes import Changes, HangUp, Watch
from talkd.storage.database import Database, Tx, Work
from talkd.web.etags import is_known
from talkd.web.limits import Limit, Limits
from talkd.web.logins import Logins
from talkd.web.routing import Route
from talkd.web.throttle import Throttle

P = TypeVar("P", bound=msgspec.Struct)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `user_id` is None for visitors; `browser` is the fingerprint of the session cookie, or empty."""

    user_id: str | None = None
    display_name: str = ""
    is_admin: bool = False
    browser: str = ""
    address: str = ""
    by_cookie: bool = False
    """Logged in by a browser's cookie: changes need proof that the page itself asked (CSRF)."""
    request_token: str = ""
    app_password_id: int | None = None
    is_confirmed: bool = False
    """The account's own password came with the request, or this browser logged in with it not long ago."""
    credential: Credential | None = None
    """What the caller is logged in with; None for visitors."""
    generation: int = 0
    """The generation of the remembered credentials when the caller was identified."""

    @property
    def actor(self) -> Actor:
        """The logged-in user as an actor; a visitor's is known only inside a room."""
        return Actor(USERS, self.user_id, self.display_name) if self.user_id is not None else Actor(GUESTS, "")


@dataclass(slots=True)
class World:
    """The parts of the running server that the edge hands to operations."""

    config: Config
    db: Database
    changes: Changes
    settings: TalkSettings
    throttle: Throttle
    limits: Limits
    logins: Logins
    may_use_talk: Callable[[Tx, str], Awaitable[bool]]
    """Whether Talk is for an account (the setting `allowed_groups`)."""
    before_writing: Callable[[Tx, Room], Awaitable[None]]
    """Run before an operation writes in a room that it holds, unless its route has `notifies_first=False`."""
    parts: dict[type[Any], Any]
    """What areas keep in memory, by type."""
    talk_hash: str = ""
    """`X-Nextcloud-Talk-Hash`: changes when clients should read the capabilities again."""

    def __getitem__(self, kind: type[T]) -> T:
        """Return the part of that type."""
        part: T = self.parts[kind]
        return part


@dataclass(slots=True)
class Call(Generic[P]):
    """One request, authenticated and parsed."""

    world: World
    caller: Caller
    params: P
    base_url: str
    """How the client reaches the server, without a slash at the end."""
    token: str = ""
    """The room's token in the path, where there is one."""
    participant: Participant | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    get_header: Callable[[str], str | None] | None = None
    method: str = "GET"
    route: Route | None = None
    began: float = 0.0
    """When the request came in, in the event loop's time; waits count from here."""
    standing: int = 0
    """`Changes.standing` at a moment after which the caller was found to be in the room."""
    hang_up: HangUp | None = None
    """Returns when the client has hung up."""
    give_back: Callable[[], None] | None = None
    """Takes back what was counted towards a limit."""

    def count(self, limit: Limit) -> None:
        """Count the operation towards a limit, once even if its transaction is repeated. Raises Throttled."""
        self.uncount()
        self.give_back = self.world.limits.spend(limit, self)

    def uncount(self) -> None:
        """Take back what was counted: the operation failed, or it has made nothing new."""
        if self.give_back is not None:
            self.give_back()
            self.give_back = None

    async def write(self, work: Work[T]) -> T:
        """Change the database; on PostgreSQL those who write in one room wait for each other."""
        return await self.world.db.write(work, queue=self.token)

    async def write_if_possible(self, work: Work[Any]) -> None:
        """As `write`, for what an answer does not depend on."""
        await self.world.db.write_if_possible(work, queue=self.token)

    def header(self, name: str) -> str:
        """A header of the request, or empty."""
        return (self.get_header(name) if self.get_header is not None else None) or ""

    def knows(self, etag: str) -> bool:
        """Return True if the client already has the answer with this tag, so that 304 is enough."""
        return is_known(etag, self.header("if-none-match"))

    def watch(self, *topics: str) -> Watch:
        """Return a watch that ends when the client hangs up, and that counts for their network and their session."""
        limits, session = self.world.config.security, self.me.session
        owners = {
            subnet_of(self.caller.address): limits.polls_by_address,
            session.session_id if session is not None else f"attendee:{self.me.attendee.id}": limits.polls_by_session,
        }
        return self.world.changes.watch(*topics, hang_up=self.hang_up, owners=owners)

    @property
    def me(self) -> Participant:
        """The caller in the room; there because a guard demanded it."""
        assert self.participant is not None, "the operation has no participant guard"
        return self.participant

    @property
    def user_id(self) -> str:
        """The logged-in user. Raises NotAuthenticated."""
        if self.caller.user_id is None:
            raise NotAuthenticated
        return self.caller.user_id
