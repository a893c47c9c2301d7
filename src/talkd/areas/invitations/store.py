"""Statements about browsers in which an invitation was accepted."""

import sqlalchemy as sa

from talkd.conversation.attendee_store import ATTENDEE
from talkd.conversation.participant import Attendee
from talkd.storage.database import Tx
from talkd.storage.queries import Query
from talkd.storage.schema import attendees, invited_browsers
from talkd.storage.statements import Statement, bind, insert

_ADD = Statement(
    insert(invited_browsers)
    .values(room_id=bind("room_id"), attendee_id=bind("attendee_id"), browser=bind("browser"))
    .on_conflict_do_update(
        index_elements=["room_id", "browser"], set_={"attendee_id": bind("attendee_id", invited_browsers.c.id.type)}
    )
)
_FIND = Query(
    sa.select(*ATTENDEE)
    .join(
        invited_browsers,
        sa.and_(invited_browsers.c.room_id == attendees.c.room_id, invited_browsers.c.attendee_id == attendees.c.id),
    )
    .where(invited_browsers.c.room_id == bind("room_id"), invited_browsers.c.browser == bind("browser")),
    ATTENDEE,
)
_MOVE = Statement(
    sa.update(invited_browsers).where(invited_browsers.c.browser == bind("old")).values(browser=bind("new", sa.Text))
)


async def add_browser(tx: Tx, room_id: int, attendee_id: int, browser: str) -> None:
    """Store that the browser has accepted the invitation of the attendee."""
    await tx.run(_ADD, room_id=room_id, attendee_id=attendee_id, browser=browser)


async def find_attendee(tx: Tx, room_id: int, browser: str) -> Attendee | None:
    """Return the attendee whose invitation was accepted in the browser, or None."""
    return await tx.find(_FIND, room_id=room_id, browser=browser)


async def move_browser(tx: Tx, old: str, new: str) -> None:
    """Keep the invitations of a browser that gets a new session cookie."""
    await tx.run(_MOVE, old=old, new=new)
