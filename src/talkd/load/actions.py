"""What users do: one function for each name in `plan.WEIGHTS`."""

import itertools
import time
from collections.abc import Awaitable, Callable

from talkd.load.http import Answer, Failed
from talkd.load.target import CLOUD, TALK
from talkd.load.user import User, read_page
from talkd.load.waiting import PAGE, Polls, Sockets, Waiter

TEXT = (
    "the meeting is at ten in the large room and we talk about minutes budget plan version server coffee train "
    "monday please look have you seen it works now thanks see you later maybe tomorrow good morning question answer"
)
WORDS = TEXT.split()
LONGEST = 25
"""Words of the longest message."""
EMOJI = ("👍", "❤️", "😂", "🎉", "😮")


class Actor:
    """A user with the means to act: how they wait, and how they name their messages."""

    def __init__(self, user: User, run: str) -> None:
        self.user = user
        self.waiter: Waiter = Sockets(user) if user.plan.has_socket(user.number) else Polls(user)
        self._references = (f"bench-{run}-{user.number}-{number}" for number in itertools.count())

    async def act(self, name: str) -> None:
        """Do something. Raises Refused or Failed."""
        if self.user.room is None and name in IN_ROOM:
            name = "open"
        await ACTIONS[name](self)

    def next_reference(self) -> str:
        """Return the reference of the next message."""
        return next(self._references)


async def log_in(actor: Actor) -> None:
    """Start the app: connect again, and read who the user is and what the server can do."""
    user = actor.user
    await user.line.renew()
    await user.ask("login", "GET", f"{CLOUD}/user")
    await user.ask("capabilities", "GET", f"{CLOUD}/capabilities")


async def list_rooms(actor: Actor) -> None:
    """List the rooms of the user."""
    await actor.user.ask("list", "GET", f"{TALK}/v4/room?noStatusUpdate=1")


async def open_room(actor: Actor) -> None:
    """Open one of the user's rooms: join it, read the newest messages, and wait for further ones."""
    user = actor.user
    if user.in_call:
        await list_rooms(actor)
        return
    await actor.waiter.leave()
    room = user.numbers.choice(user.rooms)
    joined = await user.ask("join", "POST", f"{TALK}/v4/room/{room.token}/participants/active", {})
    user.session = str(joined.data()["sessionId"])
    await actor.waiter.enter(room)


async def send(actor: Actor) -> None:
    """Send a message to the open room."""
    user = actor.user
    room = user.room
    assert room is not None
    text = " ".join(user.numbers.choices(WORDS, k=user.numbers.randint(1, LONGEST)))
    reference = actor.next_reference()
    room.ledger.sending(reference, time.perf_counter())
    try:
        body = {"message": text, "referenceId": reference}
        answer = await user.ask("send", "POST", f"{TALK}/v1/chat/{room.token}", body, wanted=(201,))
        message_id = _id_of(answer)
    except BaseException:
        room.ledger.unanswered(reference)
        raise
    room.ledger.acknowledged(reference, message_id, answer.at)


def _id_of(answer: Answer) -> int:
    try:
        return int(answer.data()["id"])
    except (KeyError, TypeError, ValueError) as error:
        raise Failed("invalid", "the answer has no message") from error


async def react(actor: Actor) -> None:
    """React to the newest message."""
    user = actor.user
    assert user.room is not None
    if not user.newest:
        await send(actor)
        return
    path = f"{TALK}/v1/reaction/{user.room.token}/{user.newest}"
    await user.ask("react", "POST", path, {"reaction": user.numbers.choice(EMOJI)}, wanted=(200, 201))


async def mark_read(actor: Actor) -> None:
    """Mark all messages as read."""
    user = actor.user
    assert user.room is not None
    assert user.stay is not None
    await user.ask("read", "POST", f"{TALK}/v1/chat/{user.room.token}/read", {"lastReadMessage": user.stay.last})


async def read_older(actor: Actor) -> None:
    """Scroll back: read older messages, from the newest again after the oldest."""
    user = actor.user
    assert user.room is not None
    path = f"{TALK}/v1/chat/{user.room.token}?lookIntoFuture=0&limit={PAGE}&setReadMarker=0"
    answer = await user.ask("history", "GET", f"{path}&lastKnownMessageId={user.oldest}", wanted=(200, 304))
    page = read_page(answer)
    user.oldest = page[-1].id if page else 0


async def search(actor: Actor) -> None:
    """Search the messages of all rooms of the user."""
    term = actor.user.numbers.choice(WORDS)
    await actor.user.ask("search", "GET", f"/ocs/v2.php/search/providers/talk-message/search?term={term}&limit=25")


async def call(actor: Actor) -> None:
    """Call others in the open room, with a socket. Users without one join the call and leave it."""
    user = actor.user
    if isinstance(actor.waiter, Sockets):
        actor.waiter.calls.begin()
        return
    assert user.room is not None
    path = f"{TALK}/v4/call/{user.room.token}"
    await user.ask("call", "POST", path, {"flags": 0})
    await user.ask("hang up", "DELETE", path)


ACTIONS: dict[str, Callable[[Actor], Awaitable[None]]] = {
    "list": list_rooms,
    "open": open_room,
    "send": send,
    "react": react,
    "read": mark_read,
    "history": read_older,
    "search": search,
    "call": call,
    "login": log_in,
}
IN_ROOM = {"send", "react", "read", "history", "call"}
"""What needs an open room. A user without one opens one instead."""
