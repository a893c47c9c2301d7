"""Polls, ballots, and who may see what came out."""

from collections.abc import Sequence
from enum import IntEnum

import msgspec

from talkd.conversation.participant import Participant
from talkd.core.actor import Actor
from talkd.core.errors import Invalid
from talkd.core.names import cleaned, cleaned_text

MAX_QUESTION_BYTES = 32_000
MAX_OPTIONS_BYTES = 60_000
MIN_OPTIONS = 2

OBJECT_TYPE = "talk-poll"
"""What a poll is called in messages."""
SHARED_AS = "poll"
"""Where polls are found among what was shared."""


class Status(IntEnum):
    """How far a poll has come."""

    OPEN = 0
    CLOSED = 1
    DRAFT = 2


PUBLIC = 0
"""Result mode in which voters see the votes so far. Any other number hides them until the poll is closed."""


class Poll(msgspec.Struct, frozen=True):
    """A question to a room. `options` is a JSON list of texts; `max_votes` below 1 means any number."""

    room_id: int
    id: int
    actor_type: str
    actor_id: str
    actor_name: str
    question: str
    options: str
    result_mode: int
    max_votes: int
    status: int

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return Actor(self.actor_type, self.actor_id, self.actor_name)

    @property
    def choices(self) -> list[str]:
        """The answers to choose from."""
        return msgspec.json.decode(self.options, type=list[str])

    @property
    def is_public(self) -> bool:
        """Whether voters see the votes before the end, and everybody sees afterwards who voted for what."""
        return self.result_mode == PUBLIC

    def is_run_by(self, me: Participant) -> bool:
        """Whether this participant may close the poll: who asks, and moderators."""
        return me.is_moderator or self.actor.is_same(me.actor.type, me.actor.id)

    def require_votes(self, options: Sequence[int]) -> None:
        """Raises Invalid("options") for what is no choice here, twice the same, or more than allowed."""
        too_many = 0 < self.max_votes < len(options)
        known = range(len(self.choices))
        if too_many or len(set(options)) != len(options) or not all(option in known for option in options):
            raise Invalid("options")


class Wording(msgspec.Struct, frozen=True):
    """What a poll asks, checked: see `require_wording`."""

    question: str
    options: str
    result_mode: int
    max_votes: int


def require_wording(question: str, options: Sequence[str], result_mode: int, max_votes: int) -> Wording:
    """Return what to ask, cleaned, without empty options.

    Raises Invalid("question") or Invalid("options") for too little or too much. Any number is good as mode and
    as the most votes.
    """
    question = cleaned_text(question)
    if not question or len(question.encode()) > MAX_QUESTION_BYTES:
        raise Invalid("question")
    choices = [choice for choice in map(cleaned, options) if choice]
    encoded = msgspec.json.encode(choices)
    if len(choices) < MIN_OPTIONS or len(encoded) > MAX_OPTIONS_BYTES:
        raise Invalid("options")
    return Wording(question, encoded.decode(), result_mode, max_votes)


class Ballot(msgspec.Struct, frozen=True):
    """What one participant voted for. `options` is a JSON list of numbers."""

    actor_type: str
    actor_id: str
    actor_name: str
    options: str

    @property
    def choices(self) -> list[int]:
        """Numbers of the options, counted from 0."""
        return msgspec.json.decode(self.options, type=list[int])


class Tally(msgspec.Struct, frozen=True):
    """What came out so far: votes by option, how many voted, and what the one who asks voted for."""

    votes: dict[int, int]
    voters: int
    own: list[int]


NOTHING = Tally({}, 0, [])


class Result(msgspec.Struct, frozen=True):
    """A poll with as much of what came out as one participant may see. `ballots` is None where nobody may."""

    poll: Poll
    tally: Tally = NOTHING
    ballots: list[Ballot] | None = None
    names: dict[tuple[str, str], str] = {}


def visible(poll: Poll, tally: Tally, me: Participant) -> Tally:
    """What of a tally this participant may see.

    At the end everything; before, in a public poll, what is so far once he has voted. Who runs the poll always
    sees how many have voted.
    """
    if poll.status == Status.CLOSED or (poll.is_public and tally.own):
        return tally
    return Tally({}, tally.voters if poll.is_run_by(me) else 0, tally.own)
