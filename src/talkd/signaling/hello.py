"""The hello of a client: it proves who it is, or resumes its session."""

from collections.abc import Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from talkd import __version__
from talkd.areas.signaling import identity_service as identities
from talkd.areas.signaling.identity_service import Identity
from talkd.core import checksums, clock, ids
from talkd.core.errors import Invalid, Throttled
from talkd.core.json import UNREADABLE
from talkd.core.networks import subnet_of
from talkd.signaling import messages
from talkd.signaling.connection import Connection
from talkd.signaling.messages import Auth, Hello, Incoming, Refused
from talkd.signaling.peer import ROOM_NEWS, Peer

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

VERSIONS = ("1.0", "2.0")
GUESSES = "signalingHello"
"""The brute-force action of wrong tickets, tokens, secrets and resume ids."""
NO_GUESS = ("token_expired", "token_not_valid_yet", "invalid_client_type")
"""Refusals of proofs that were or will be right, and of clients that the server does not serve."""
MAX_FEATURES = 50
MAX_FEATURE_LENGTH = 64
MAX_PEERS = 200
"""Maximum number of peers of one user."""
RESUMES = 600
"""Failed attempts to resume a minute from one network. A restarted server knows none of the sessions before."""
ID_LENGTH = 32


class Ticket(msgspec.Struct, frozen=True):
    """The older proof of a client: a ticket from the signaling settings."""

    ticket: str
    userid: Annotated[str, messages.WITHOUT_NUL] | None = None


class Token(msgspec.Struct, frozen=True):
    """The proof of a client: a signed token from the signaling settings."""

    token: str


class Secret(msgspec.Struct, frozen=True):
    """The proof of a part of the installation: `random`, signed with the secret for internal clients."""

    random: str
    token: str
    backend: str = ""


def handle(signaling: "Signaling", socket: Connection, incoming: Incoming) -> Coroutine[Any, Any, None]:
    """Identify the client of a connection."""
    given = incoming.hello
    if given is None:
        raise Refused("bad_request", "The message has no hello.")
    if socket.peer is not None:
        raise Refused("bad_request", "Hello was said already.")
    if given.version not in VERSIONS:
        raise Refused("invalid_hello_version", "Use version 1.0 or 2.0.")
    return _hello(signaling, socket, given, incoming.id)


async def _hello(signaling: "Signaling", socket: Connection, given: Hello, request_id: str) -> None:
    features = frozenset(each for each in given.features[:MAX_FEATURES] if len(each) <= MAX_FEATURE_LENGTH)
    if given.resumeid:
        await _resume(signaling, socket, given, features, request_id)
    else:
        generation = signaling.world.logins.generation
        identity, is_internal = await _identify(signaling, socket, given.version, given.auth)
        if not socket.is_open:
            return
        peer = _begin(signaling, socket, identity, features, is_internal=is_internal)
        if peer.user_id is not None and generation != signaling.world.logins.generation:
            signaling.check_logins(peer.user_id)  # the login may have ended during the check
        signaling.homes.note(peer)
        greet(signaling, peer, socket, given.version, request_id)


def greet(
    signaling: "Signaling",
    peer: Peer,
    socket: Connection,
    version: str,
    request_id: str,
    kept: Sequence[bytes] = (),
) -> None:
    """Answer the hello of a client, and send the messages that it has missed."""
    signaling.room_news.is_wanted |= ROOM_NEWS in peer.features
    socket.peer = peer
    socket.set_deadline(None)
    socket.send(
        messages.reply(
            "hello",
            {
                "version": version,
                "sessionid": peer.id,
                "resumeid": peer.resume_id,
                "userid": peer.user_id or "",
                "server": {"version": __version__, "features": signaling.features},
            },
            request_id,
        )
    )
    for frame in kept:
        socket.send_frame(frame)
    if peer.room is None:
        signaling.require_room_soon(peer)


async def _resume(
    signaling: "Signaling", socket: Connection, given: Hello, features: frozenset[str], request_id: str
) -> None:
    """Let the client go on with the peer that it had, here or at another process."""
    peer = signaling.registry.find_resumable(given.resumeid)
    if peer is not None and not peer.has_overflowed:
        go_on(signaling, peer, socket, features, given.version, request_id)
        return
    network, failed = subnet_of(socket.address), signaling.failed_resumes
    # Before the database is read, so that nobody keeps it busy with attempts.
    is_over = failed.check(network, 1, allowed=RESUMES, seconds=60, now=clock.steady())
    if not is_over and peer is None and await _resume_elsewhere(signaling, socket, given, features, request_id):
        return
    if is_over or failed.spend(network, allowed=RESUMES, seconds=60, now=clock.steady()):
        raise Refused("too_many_requests", "Too many sessions could not be resumed; try again later.")
    raise Refused("no_such_session", "The session has ended; say hello without a resume id.")


async def _resume_elsewhere(
    signaling: "Signaling", socket: Connection, given: Hello, features: frozenset[str], request_id: str
) -> bool:
    if signaling.homes.is_alone:
        return False
    return await signaling.elsewhere.passages.resume(socket, given, sorted(features), request_id)


def go_on(
    signaling: "Signaling",
    peer: Peer,
    socket: Connection,
    features: Iterable[str],
    version: str,
    request_id: str,
) -> None:
    """Let a peer go on at another connection. Its older one is closed."""
    peer.features = frozenset(features) or peer.features
    older = peer.line
    if older is not None:
        older.send(messages.reply("bye", {"reason": "session_resumed"}))
        older.hang_up()
    kept = peer.resume(socket)
    greet(signaling, peer, socket, version, request_id, kept)


async def _identify(
    signaling: "Signaling", socket: Connection, version: str, auth: Auth | None
) -> tuple[Identity, bool]:
    """Return who the client is, and whether it is an internal client. Wrong proofs count as guesses."""
    if auth is None:
        raise Refused("bad_request", "The hello has neither `auth` nor `resumeid`.")
    if auth.type not in ("", "client", "internal"):
        raise Refused("invalid_client_type", "Use the type client.")
    is_internal = auth.type == "internal"
    try:
        async with signaling.world.throttle.attempt(GUESSES, socket.address) as attempt:
            try:
                if is_internal:
                    return _check_secret(signaling, auth), True
                return await _check_client(signaling, version, auth), False
            except Refused as refused:
                if refused.code not in NO_GUESS:
                    attempt.failed()
                raise
    except Throttled as error:
        raise Refused("too_many_requests", "Too many attempts; try again later.") from error


def _begin(
    signaling: "Signaling", socket: Connection, identity: Identity, features: frozenset[str], *, is_internal: bool
) -> Peer:
    if identity.user_id is not None and len(signaling.registry.list_of_user(identity.user_id)) >= MAX_PEERS:
        raise Refused("session_limit_exceeded", "You have too many sessions.")
    peer = Peer(
        ids.text(ID_LENGTH),
        ids.text(ID_LENGTH),
        user_id=identity.user_id,
        display_name=identity.display_name,
        login=identity.login,
        features=features,
        is_internal=is_internal,
        address=socket.address,
    )
    peer.line = socket
    signaling.registry.add(peer)
    return peer


async def _check_client(signaling: "Signaling", version: str, auth: Auth) -> Identity:
    world = signaling.world
    try:
        if version == "1.0":
            given = msgspec.json.decode(auth.params, type=Ticket)
            return await world.db.read(
                lambda tx: identities.check_ticket(tx, world.talk_settings, given.userid or "", given.ticket)
            )
        token = msgspec.json.decode(auth.params, type=Token).token
        return await world.db.read(lambda tx: identities.check_token(tx, world.talk_settings, token))
    except Invalid as error:
        raise Refused(error.reason or "auth_failed") from error
    except UNREADABLE as error:
        raise Refused("auth_failed", "The proof is missing or has the wrong form.") from error


def _check_secret(signaling: "Signaling", auth: Auth) -> Identity:
    secret = signaling.world.config.calls.internal_secret
    if not secret:
        raise Refused("invalid_client_type", "The server has no secret for internal clients.")
    try:
        given = msgspec.json.decode(auth.params, type=Secret)
    except UNREADABLE as error:
        raise Refused("auth_failed", "The proof is missing or has the wrong form.") from error
    if not checksums.is_signed(b"", secret=secret, random=given.random, checksum=given.token):
        raise Refused("invalid_token")
    return Identity(None)
