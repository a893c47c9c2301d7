"""Find out what is in a file before it is shared, so that its message can say it."""

from talkd.areas.files.model import Blob, Entry
from talkd.web.call import World


async def describe(_world: World, _entry: Entry, _blob: Blob) -> None:
    """Note size and blurred form of a picture, or the length of a sound."""
