"""Actors: the users, guests and others that do things. An actor is always identified by type and id together."""

import msgspec

USERS = "users"
GROUPS = "groups"
GUESTS = "guests"
EMAILS = "emails"
PHONES = "phones"
BOTS = "bots"
DELETED_USERS = "deleted_users"

SYSTEM_ID = "system"


class Actor(msgspec.Struct, frozen=True):
    """A user, guest, e-mail guest, phone number, group or bot. `name` is not part of the identity."""

    type: str
    id: str
    name: str = ""

    def is_same(self, type_: str, id_: str) -> bool:
        """Return True if this actor has this type and id."""
        return self.type == type_ and self.id == id_


CLI_ID = "cli"

SYSTEM = Actor(GUESTS, SYSTEM_ID)
"""The server itself, the actor of system messages that nobody caused."""

CLI = Actor(GUESTS, CLI_ID)
"""An administrator who uses the command line."""
