"""Who is in a conversation and there right now, as the room objects of API v1 tell it."""

import msgspec


class Person(msgspec.Struct, frozen=True):
    """A user of a room; with the id of the newest session ("0" for none) and what all of them bring to the call."""

    name: str
    type: int
    in_call: int = 0
    session_id: str = "0"


class Crowd(msgspec.Struct, frozen=True):
    """The people of a room: how many users and guests have it open, and its users by their ids."""

    users: int = 0
    guests: int = 0
    people: dict[str, Person] = msgspec.field(default_factory=dict)


NOBODY = Crowd()
