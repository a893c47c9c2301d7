"""`search/providers`: the unified search of Nextcloud clients."""

from collections.abc import Awaitable
from functools import partial

import msgspec

from talkd.areas.search import model, service, view
from talkd.areas.search.model import Criteria, Found
from talkd.core.errors import Invalid, NotFound
from talkd.core.ids import TOKEN_FORM
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.params import Scalar, to_int
from talkd.web.routing import Access, Guard, Routes

routes = Routes("search", base="/search")

MESSAGES, CURRENT, CONVERSATIONS = "talk-message", "talk-message-current", "talk-conversations"
_TERM = {"term": "string"}
_ABOUT_MESSAGES = {**_TERM, "since": "datetime", "until": "datetime", "person": "person"}
_FILTERS = {
    MESSAGES: {**_ABOUT_MESSAGES, "conversation": "string"},
    CURRENT: {**_ABOUT_MESSAGES, "conversation": "string"},
    CONVERSATIONS: _TERM,
}
_NAMES = {MESSAGES: "Messages", CURRENT: "Messages", CONVERSATIONS: "Conversations"}
_ORDER_IN_ROOM = {MESSAGES: -2, CURRENT: -3, CONVERSATIONS: -1}
_ORDER_ELSEWHERE = {MESSAGES: 15, CURRENT: 999, CONVERSATIONS: 25}
"""The order of the providers, smallest first, on the page of a room and on other pages."""


class PageParams(msgspec.Struct, frozen=True):
    """The page on which the user searches: `/call/TOKEN` in a room."""

    from_: str = msgspec.field(default="", name="from")


class SearchParams(msgspec.Struct, frozen=True):
    """What to search for. `since` and `until` are dates, `person` is a user id, and `conversation` a room token.

    `cursor` is the cursor in the answer with the page before: a number for messages, a token for rooms.
    """

    providerId: str
    term: str = ""
    person: str = ""
    since: str = ""
    until: str = ""
    conversation: str = ""
    cursor: Scalar = Scalar("")
    limit: int = model.DEFAULT_LIMIT
    from_: str = msgspec.field(default="", name="from")


@routes.add("GET", "providers", Guard.USER, params=PageParams, returns=list[view.Provider])
async def list_providers(tx: Tx, call: Call[PageParams]) -> list[view.Provider]:  # noqa: ARG001 - all routes take one
    """List what can be searched."""
    orders = _ORDER_IN_ROOM if _token_of(call.params.from_) else _ORDER_ELSEWHERE
    icon = f"{call.base_url}/static/icon.svg"
    return [
        view.Provider(key, "spreed", _NAMES[key], icon, orders[key], [key], filters, False)
        for key, filters in sorted(_FILTERS.items(), key=lambda item: orders[item[0]])
    ]


@routes.add(
    "GET", "providers/{providerId}/search", Guard.USER, params=SearchParams, access=Access.OWN, returns=view.Results
)
async def search(call: Call[SearchParams]) -> view.Results:
    """Search the messages that the user may read, or their rooms by name."""
    if call.params.providerId not in _FILTERS:
        raise NotFound
    db, is_about_rooms = call.world.db, call.params.providerId == CONVERSATIONS
    if not await db.read(lambda tx: call.world.may_use_talk(tx, call.user_id)):
        return view.nothing(_NAMES[CONVERSATIONS if is_about_rooms else MESSAGES])
    if is_about_rooms:
        return await db.read_aside(lambda tx: _search_rooms(tx, call))
    return await _search_messages(call)


async def _search_rooms(tx: Tx, call: Call[SearchParams]) -> view.Results:
    wanted = call.params
    term = model.require_term(wanted.term)
    if not term:
        raise Invalid("term")
    found = model.after_token(await service.find_rooms(tx, call.user_id, term), wanted.cursor)
    return view.rooms(_NAMES[CONVERSATIONS], found, model.limited(wanted.limit), call.base_url)


async def _search_messages(call: Call[SearchParams]) -> view.Results:
    wanted, here = call.params, _token_of(call.params.from_)
    criteria = _criteria(wanted)
    is_current = wanted.providerId == CURRENT
    token = wanted.conversation or (here if is_current else "")
    is_in_one = bool(token) or is_current
    name = "Messages in other conversations" if here and not is_in_one else _NAMES[MESSAGES]

    def find(tx: Tx) -> Awaitable[Found | None]:
        if is_in_one:
            return service.find_messages_in(tx, call.user_id, criteria, token)
        return service.find_messages(tx, call.user_id, criteria, except_token=here)

    db = call.world.db
    found = await db.read_replica(find)
    if found is None or not await db.read(partial(service.is_current, user_id=call.user_id, found=found)):
        found = await db.read_aside(find)
    if found is None:
        return view.nothing(name)
    return view.messages(name, found, criteria.term, criteria.limit, call.base_url, with_rooms=not token)


def _criteria(wanted: SearchParams) -> Criteria:
    """Return the criteria for messages. Raises Invalid if there are none, or if one is wrong."""
    term = model.require_term(wanted.term)
    if not (term or wanted.person or wanted.since or wanted.until or wanted.conversation):
        raise Invalid("term")
    return Criteria(
        term=term,
        person=wanted.person,
        since=model.require_moment(wanted.since, "since") if wanted.since else 0,
        until=model.require_moment(wanted.until, "until") if wanted.until else model.END_OF_TIME,
        before=model.before_cursor(to_int(wanted.cursor)),
        limit=model.limited(wanted.limit),
    )


def _token_of(page: str) -> str:
    """Return the token of the room that a page shows; empty if it shows no room."""
    path = page.partition("?")[0].partition("#")[0].removesuffix("/")
    above, _, token = path.rpartition("/")
    return token if above.endswith("/call") and TOKEN_FORM.fullmatch(token) else ""
