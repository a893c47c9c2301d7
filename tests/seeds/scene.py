"""Who and what the promises are about. Everything is made when it is first asked for."""

from functools import cached_property

import httpx

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server


class Scene:
    """Alice owns the conversations, bob is a member, the stranger is in none."""

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
        """Somebody without an account."""
        return self.server.visitor()

    @cached_property
    def group(self) -> str:
        """Token of a group conversation of alice and bob."""
        token = self.alice.create_room(GROUP, "Group")
        self.alice.add(token, self.bob)
        return token

    @cached_property
    def public(self) -> str:
        """Token of a public conversation of alice and bob."""
        token = self.alice.create_room(PUBLIC, "Public")
        self.alice.add(token, self.bob)
        return token

    @cached_property
    def pair(self) -> str:
        """Token of the conversation of just alice and bob."""
        token: str = self.alice.post("v4/room", roomType=ONE_TO_ONE, invite=self.bob.id)["token"]
        return token

    nowhere = "nowhere1"
    """Token of no conversation."""

    @cached_property
    def guest(self) -> str:
        """Session of the visitor, who has opened the public conversation."""
        session: str = self.visitor.join(self.public)["sessionId"]
        return session

    def promote(self, who: Person, token: str) -> None:
        """Make somebody a moderator, also the visitor when they have opened the room."""
        actor_id = who.room(token)["actorId"]
        self.alice.post(f"v4/room/{token}/moderators", attendeeId=self.alice.attendee(token, actor_id))

    def ask(self, who: Person, method: str, path: str, **params: object) -> httpx.Response:
        """An operation, its version first in the path."""
        return who.request(method, path, **params)
