"""What a search looks for, and the cursors of its pages."""

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
    """Which messages to find.

    An empty `term` finds all messages, and an empty `person` (a user id) those of everybody. `since` and `until` are
    Unix times, both included. The page begins below the message id `before`.
    """

    term: str
    person: str
    since: int
    until: int
    before: int
    limit: int


class Membership(msgspec.Struct, frozen=True):
    """A room that a user is in. `partner_name` is the display name of the other user in a one-to-one room."""

    me: Participant
    partner_name: str

    @property
    def name(self) -> str:
        """Return the name that the user sees for the room."""
        return self.me.room.name_for(self.me.actor.id, self.partner_name)

    def matches(self, term: str) -> bool:
        """Return True if the room's name, or the other user's id in a one-to-one room, contains the term."""
        room, term = self.me.room, searchable(term)
        is_id = room.type == RoomType.ONE_TO_ONE and term in searchable(room.partner_of(self.me.actor.id))
        return is_id or term in searchable(self.name)


class Found(msgspec.Struct, frozen=True):
    """A page of messages, newest first, with their rooms by id and the names to show."""

    messages: list[Message]
    rooms: dict[int, Membership]
    names: Names


def require_term(text: str) -> str:
    """Return the search term without surrounding space. Raises Invalid if it is too long."""
    text = text.strip()
    if len(text) > MAX_TERM_LENGTH:
        raise Invalid("term")
    return text


def require_moment(text: str, reason: str) -> int:
    """Return the Unix time of an ISO 8601 date or time (UTC by default), or of a number. Raises Invalid(reason)."""
    try:
        if text.isascii() and text.isdigit():
            return min(int(text), END_OF_TIME)
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise Invalid(reason) from None


# A cursor of the real server is the number of results so far, so new and deleted messages make a page repeat or skip
# results. Here a cursor up to MAX_LIMIT is such a number and means that nothing follows. A larger one is a message id
# plus MAX_LIMIT. Both are integers, because some clients read nothing else (docs/api/compatibility.md).
def cursor_after(message_ids: list[int], limit: int) -> int:
    """Return the cursor of the page after these messages, which are a page of up to `limit`."""
    return message_ids[-1] + MAX_LIMIT if len(message_ids) == limit else limit


def before_cursor(cursor: int) -> int:
    """Return the message id below which the page of a cursor begins. A cursor of 0 or less means the first page."""
    return ABOVE_ALL_IDS if cursor <= 0 else max(0, cursor - MAX_LIMIT)


def after_token(found: list[Membership], token: str) -> list[Membership]:
    """Return the rooms after the one with this token, the last room of the page before. Without a token, return all.

    Return no rooms if the room with the token is no longer among them.
    """
    if not token:
        return found
    tokens = [each.me.room.token for each in found]
    return found[tokens.index(token) + 1 :] if token in tokens else []


def limited(wanted: int) -> int:
    """Return the size of a page."""
    return max(1, min(wanted, MAX_LIMIT))
