"""What a user finds who looks for the first time: a conversation with himself, and one that tells what is new."""

from talkd.areas.messages import service as messages
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.settings import store as settings
from talkd.conversation import room_store
from talkd.conversation.room import CHANGELOG_NAME
from talkd.core import clock
from talkd.core.actor import BOTS, SYSTEM, Actor
from talkd.core.constants import ReadOnly, RoomType
from talkd.core.events import RoomCreated
from talkd.storage.database import Tx

OWN, WELCOMED = "talkd", "welcomed"
"""The fact about a user that says that he has been here before, whatever he deleted since."""
CHANGELOG = Actor(BOTS, "changelog", CHANGELOG_NAME)
TEXTS = (
    "## Welcome!\nHere you read what is new on this server. You can leave this conversation at any time.",
    """## Good to know
- *Note to self* is a conversation that only you see: for lists, links and drafts
- Write `@` to call for somebody's attention, or `@all` for everybody's
- Messages understand Markdown
- A public conversation can be joined by everybody who has its link, without an account""",
)
"""What newcomers read, one message each."""


async def is_newcomer(tx: Tx, user_id: str) -> bool:
    """Whether the user has never looked at his conversations."""
    return await settings.get_user_value(tx, user_id, OWN, WELCOMED) is None


async def welcome(tx: Tx, user: Actor, *, with_changelog: bool) -> None:
    """Make the first conversations of a user. Nothing happens the second time."""
    if not await settings.add_user_value(tx, user.id, OWN, WELCOMED, str(clock.now())):
        return
    if with_changelog:
        await _add_changelog(tx, user)
    await creation.get_note_to_self(tx, user, by=SYSTEM)


async def _add_changelog(tx: Tx, user: Actor) -> None:
    room = await room_store.add_room(
        tx,
        token=await creation.new_token(tx),
        type=RoomType.CHANGELOG,
        name=user.id,
        now=clock.now(),
    )
    await room_store.set_field(tx, room.id, "read_only", ReadOnly.READ_ONLY)
    await tx.emit(RoomCreated(room.id, SYSTEM))
    await participants.add_user(tx, room, SYSTEM, user.id, user.name, quiet=True)
    for text in TEXTS:
        await messages.post(tx, room, CHANGELOG, text)
