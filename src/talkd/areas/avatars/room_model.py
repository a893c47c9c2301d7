"""Pictures of rooms: an uploaded image, an emoji on a colour, or an icon for the kind of room.

The column `avatar` of a room is empty, or `image`, or `emoji`, the emoji and the colour separated by spaces.
A room without a picture whose name begins with an emoji shows that emoji.
"""

import re

import msgspec

from talkd.conversation.room import NOTE_TO_SELF, Room
from talkd.core.constants import RoomType
from talkd.core.emoji import is_emoji
from talkd.core.errors import Invalid

IMAGE = "image"
_EMOJI = "emoji"
_COLOR = re.compile(r"[0-9a-fA-F]{6}")
_OBJECTS = {"event": "event", "phone": "phone", NOTE_TO_SELF: "note"}
_TYPES = {
    RoomType.PUBLIC: "public",
    RoomType.CHANGELOG: "news",
    RoomType.ONE_TO_ONE_FORMER: "person",
    RoomType.NOTE_TO_SELF: "note",
}


class EmojiPicture(msgspec.Struct, frozen=True):
    """An emoji on a colour (six hexadecimal digits). Both may be empty: the default colour is the theme's grey."""

    emoji: str
    color: str


def require_emoji(emoji: str, color: str | None) -> str:
    """Return the value of the column `avatar` for an emoji picture. An empty emoji means a plain colour.

    Raises Invalid("avatar"). Its message says what is wrong.
    """
    if emoji and not is_emoji(emoji):
        raise Invalid("avatar", message="Invalid emoji character")
    if color and not _COLOR.fullmatch(color):
        raise Invalid("avatar", message="Invalid background color")
    return f"{_EMOJI} {emoji} {color or ''}"


def require_pictured(room: Room) -> None:
    """Raises Invalid("avatar") for one-to-one rooms, which show the other person."""
    if room.is_one_to_one:
        raise Invalid("avatar", message="One-to-one rooms always need to show the other users avatar")


def emoji_of(room: Room) -> EmojiPicture | None:
    """Return the room's emoji picture, or None."""
    if not room.avatar:
        return EmojiPicture(room.emoji_of_name, "") if room.emoji_of_name else None
    kind, _, rest = room.avatar.partition(" ")
    if kind != _EMOJI:
        return None
    emoji, _, color = rest.partition(" ")
    return EmojiPicture(emoji, color)


def icon_of(room: Room) -> str:
    """Return the name of the icon of a room without a picture."""
    return _OBJECTS.get(room.object_type) or _TYPES.get(RoomType(room.type), "group")
