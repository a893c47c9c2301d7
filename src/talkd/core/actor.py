"""Who does something: always a kind and an id together, never an id alone."""

from dataclasses import dataclass

USERS = "users"
GROUPS = "groups"
GUESTS = "guests"
EMAILS = "emails"
PHONES = "phones"
BOTS = "bots"
DELETED_USERS = "deleted_users"

SYSTEM_ID = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """A user, guest, e-mail guest, phone number, group or bot. Two actors are the same when kind and id are."""

    type: str
    id: str
    name: str = ""

    def is_same(self, type_: str, id_: str) -> bool:
        """Whether this is the actor of that kind and id, whatever the name."""
        return self.type == type_ and self.id == id_


CLI_ID = "cli"

SYSTEM = Actor(GUESTS, SYSTEM_ID)
"""Who acts when nobody in particular does: the server itself."""

CLI = Actor(GUESTS, CLI_ID)
"""Whoever administers the server from its command line."""
