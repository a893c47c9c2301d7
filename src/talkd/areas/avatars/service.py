"""Reading, setting and removing the pictures of accounts."""

from talkd.areas.avatars import picture_service as pictures
from talkd.areas.avatars import store
from talkd.areas.avatars.model import MAX_FILE, Owner, Portrait, Uploaded
from talkd.areas.files.model import Limits, Received
from talkd.conversation import attendee_store
from talkd.core import clock
from talkd.core.errors import Invalid, NotFound
from talkd.storage.database import Tx


async def get_portrait(tx: Tx, user_id: str) -> Portrait | None:
    """Return the portrait of an account, or None if there is no account."""
    return await store.get_portrait(tx, user_id)


async def find_portrait_for(tx: Tx, user_id: str, *, viewer: str | None, browser: str) -> Portrait | None:
    """Return the portrait of an account, or None if the caller may not know that there is an account.

    Users may know all accounts. A guest may know the accounts in the rooms that they have joined with their browser.
    """
    if viewer is None and not browser:
        return None
    portrait = await store.get_portrait(tx, user_id)
    # If there is no account, search all the same: the time must not reveal whether there is one.
    known_id = portrait.user_id if portrait is not None else user_id
    return portrait if viewer is not None or await _is_in_room_with(tx, browser, known_id) else None


async def _is_in_room_with(tx: Tx, browser: str, user_id: str) -> bool:
    found = await attendee_store.list_guests_with(tx, browser, user_id)
    return any(guest.can_pass_lobby for guest in found)


async def get_uploaded(tx: Tx, user_id: str) -> Uploaded:
    """Return the uploaded picture of an account, a PNG of the large size. Raises NotFound."""
    return await pictures.get_uploaded(tx, Owner.USER, user_id)


async def set_uploaded(tx: Tx, user_id: str, received: Received, limits: Limits) -> bool:
    """Make a received PNG of the large size the picture of an account. Return whether the contents are needed.

    Raises NoSpace, and NotFound if there is no account.
    """
    if not await store.raise_version(tx, user_id, clock.now()):
        raise NotFound
    return await pictures.set_uploaded(tx, Owner.USER, user_id, received, limits)


async def remove_uploaded(tx: Tx, user_id: str) -> None:
    """Remove the uploaded picture of an account."""
    await store.raise_version(tx, user_id, clock.now())
    await pictures.remove_uploaded(tx, Owner.USER, user_id)


def require_file(content: bytes | None) -> bytes:
    """Return the content of an uploaded file. Raises Invalid with the API's message if it is empty or too large."""
    if not content:
        raise Invalid(data={"message": "No image file provided"})
    if len(content) > MAX_FILE:
        raise Invalid(data={"message": "File is too big"})
    return content
