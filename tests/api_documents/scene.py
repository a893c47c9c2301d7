"""The people and rooms that the checks use. Each is created when a check first uses it."""

from functools import cached_property

import httpx

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server


class Scene:
    """Alice owns the rooms, bob is a member of all of them, and the stranger is in none."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @cached_property
    def alice(self) -> Person:
        return self.server.add_user("alice")

    @cached_property
    def bob(self) -> Person:
        return self.server.add_user("bob")

    @cached_property
    def stranger(self) -> Person:
        return self.server.add_user("stranger")

    @cached_property
    def visitor(self) -> Person:
        """A client without an account."""
        return self.server.visitor()

    @cached_property
    def group(self) -> str:
        """Token of a group room of alice and bob."""
        token = self.alice.create_room(GROUP, "Group")
        self.alice.add(token, self.bob)
        return token

    @cached_property
    def public(self) -> str:
        """Token of a public room of alice and bob."""
        token = self.alice.create_room(PUBLIC, "Public")
        self.alice.add(token, self.bob)
        return token

    @cached_property
    def pair(self) -> str:
        """Token of the one-to-one room of alice and bob."""
        token: str = self.alice.post("v4/room", roomType=ONE_TO_ONE, invite=self.bob.id)["token"]
        return token

    nowhere = "nowhere1"
    """A token that no room has."""

    @cached_property
    def guest(self) -> str:
        """Session id of the visitor, who has joined the public room as a guest."""
        session: str = self.visitor.join(self.public)["sessionId"]
        return session

    def promote(self, who: Person, token: str) -> None:
        """Make a participant a moderator. The visitor must have joined the room."""
        actor_id = who.room(token)["actorId"]
        self.alice.post(f"v4/room/{token}/moderators", attendeeId=self.alice.attendee(token, actor_id))

    def ask(self, who: Person, method: str, path: str, **params: object) -> httpx.Response:
        """Send a request. The path starts with the API version."""
        return who.request(method, path, **params)
