"""What is looked for, and how far a search has come."""

from datetime import UTC, datetime

import msgspec

from talkd.conversation.message import Message, Names
from talkd.conversation.participant import Participant
from talkd.core.constants import ABOVE_ALL_IDS, RoomType
from talkd.core.errors import Invalid
from talkd.core.search import searchable

DEFAULT_LIMIT = 5
MAX_LIMIT = 25
MAX_TERM_LENGTH = 255
END_OF_TIME = 2**53


class Criteria(msgspec.Struct, frozen=True):
    """Which messages to find: those that hold the term (empty: any), by one person (empty: anybody), in a time."""

    term: str
    person: str
    since: int
    until: int
    before: int
    limit: int


class Membership(msgspec.Struct, frozen=True):
    """A room of a user. `partner_name` is what the other one of a one-to-one conversation is called."""

    me: Participant
    partner_name: str

    @property
    def name(self) -> str:
        """What the user knows the room by."""
        return self.me.room.name_for(self.me.actor.id, self.partner_name)

    def is_called(self, term: str) -> bool:
        """Return True if the term is a part of the name, or of the partner's id."""
        room, term = self.me.room, searchable(term)
        is_id = room.type == RoomType.ONE_TO_ONE and term in searchable(room.partner_of(self.me.actor.id))
        return is_id or term in searchable(self.name)


class Found(msgspec.Struct, frozen=True):
    """A page of messages, newest first, with the rooms they are in and everybody's name."""

    messages: list[Message]
    rooms: dict[int, Membership]
    names: Names


def require_term(text: str) -> str:
    """What to look for, without space around it. Raises Invalid when it is too long."""
    text = text.strip()
    if len(text) > MAX_TERM_LENGTH:
        raise Invalid("term")
    return text


def require_moment(text: str, reason: str) -> int:
    """Unix seconds of a date, a date with time (UTC unless it says otherwise), or just that. Raises Invalid."""
    try:
        if text.isascii() and text.isdigit():
            return min(int(text), END_OF_TIME)
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise Invalid(reason) from None


# The real server counts what was given so far (5, 10, …), and then shows some twice or never when something is said
# or deleted in between. A cursor up to MAX_LIMIT is such a count, and means that nothing follows; one above is a
# message's id plus MAX_LIMIT. Both are small integers: some clients read nothing else.
def cursor_after(message_ids: list[int], limit: int) -> int:
    """What the next page begins with, after these messages of a page of `limit`."""
    return message_ids[-1] + MAX_LIMIT if len(message_ids) == limit else limit


def before_cursor(cursor: int) -> int:
    """The message id below which a page begins; 0 for the first page's cursor."""
    return ABOVE_ALL_IDS if cursor <= 0 else max(0, cursor - MAX_LIMIT)


def after_token(found: list[Membership], token: str) -> list[Membership]:
    """Return the rooms behind that of the token, which the page before ended with; all of them without a token.

    Nothing follows a room that is not found any more.
    """
    tokens = [each.me.room.token for each in found]
    return found[tokens.index(token) + 1 if token in tokens else len(found) :] if token else found


def limited(wanted: int) -> int:
    """How many results a page has."""
    return max(1, min(wanted, MAX_LIMIT))
