"""Polls, ballots, and which votes a participant may see."""

from collections.abc import Sequence
from enum import IntEnum

import msgspec

from talkd.conversation.message import Names
from talkd.conversation.participant import Participant
from talkd.core.actor import Actor
from talkd.core.errors import Invalid
from talkd.core.names import cleaned, cleaned_text

MAX_QUESTION_BYTES = 32_000
MAX_OPTIONS_BYTES = 60_000
MIN_OPTIONS = 2

OBJECT_TYPE = "talk-poll"
"""Type of a poll as an object of messages."""
SHARED_AS = "poll"
"""Kind under which shared polls are listed."""


class Status(IntEnum):
    """State of a poll."""

    OPEN = 0
    CLOSED = 1
    DRAFT = 2


PUBLIC = 0
"""Result mode in which voters see the votes so far. Any other number hides them until the poll is closed."""


class Poll(msgspec.Struct, frozen=True):
    """A poll. `options` is a JSON list of texts. With `max_votes` below 1 a voter may choose any number of options."""

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
        """Return the author."""
        return Actor(self.actor_type, self.actor_id, self.actor_name)

    @property
    def choices(self) -> list[str]:
        """Return the texts of the options."""
        return msgspec.json.decode(self.options, type=list[str])

    @property
    def is_public(self) -> bool:
        """Return True if voters see the votes so far, and everybody sees who voted for what once the poll is closed."""
        return self.result_mode == PUBLIC

    def is_run_by(self, me: Participant) -> bool:
        """Return True if this participant may close the poll: its author and moderators may."""
        return me.is_moderator or self.actor.is_same(me.actor.type, me.actor.id)

    def require_votes(self, options: Sequence[int]) -> None:
        """Raises Invalid("options") for an unknown option, an option given twice, or more than `max_votes` options."""
        too_many = 0 < self.max_votes < len(options)
        known = range(len(self.choices))
        if too_many or len(set(options)) != len(options) or not all(option in known for option in options):
            raise Invalid("options")


class Question(msgspec.Struct, frozen=True):
    """A poll as a client describes it, before it is checked."""

    question: str
    options: Sequence[str]
    result_mode: int
    max_votes: int


class Wording(msgspec.Struct, frozen=True):
    """A poll's question and options after `require_wording`. `options` is a JSON list of texts."""

    question: str
    options: str
    result_mode: int
    max_votes: int


def require_wording(asked: Question) -> Wording:
    """Check a question. Return it without surrounding space and without empty options.

    Raises Invalid("question") if it is empty or too long, and Invalid("options") if there are fewer than MIN_OPTIONS
    or they are too long. Every number is valid as `result_mode` and as `max_votes`.
    """
    question = cleaned_text(asked.question)
    if not question or len(question.encode()) > MAX_QUESTION_BYTES:
        raise Invalid("question")
    choices = [choice for choice in map(cleaned, asked.options) if choice]
    encoded = msgspec.json.encode(choices)
    if len(choices) < MIN_OPTIONS or len(encoded) > MAX_OPTIONS_BYTES:
        raise Invalid("options")
    return Wording(question, encoded.decode(), asked.result_mode, asked.max_votes)


class Ballot(msgspec.Struct, frozen=True):
    """One participant's vote. `options` is a JSON list of option numbers."""

    actor_type: str
    actor_id: str
    actor_name: str
    options: str

    @property
    def choices(self) -> list[int]:
        """Return the numbers of the chosen options, counted from 0."""
        return msgspec.json.decode(self.options, type=list[int])


class Tally(msgspec.Struct, frozen=True):
    """Votes by option number, the number of voters, and the options that the caller voted for."""

    votes: dict[int, int]
    voters: int
    own: list[int]


NOTHING = Tally({}, 0, [])


class Result(msgspec.Struct, frozen=True):
    """A poll with the votes that one participant may see. `ballots` is None unless everybody may see who voted."""

    poll: Poll
    tally: Tally = NOTHING
    ballots: list[Ballot] | None = None
    names: Names = {}


def visible(poll: Poll, tally: Tally, me: Participant) -> Tally:
    """Return the part of a tally that this participant may see.

    Everybody sees all of it once the poll is closed, and voters of a public poll see it before. Until then, the author
    and moderators see how many have voted, and everybody sees their own vote.
    """
    if poll.status == Status.CLOSED or (poll.is_public and tally.own):
        return tally
    return Tally({}, tally.voters if poll.is_run_by(me) else 0, tally.own)
