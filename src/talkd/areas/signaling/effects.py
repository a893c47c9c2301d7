"""Keep signaling messages and the lists of polling sessions in step with sessions."""

from typing import Any

from talkd.area import Effects
from talkd.areas.signaling import service
from talkd.areas.signaling.polling import Polling
from talkd.core import events
from talkd.realtime.wakeups import CHANGES_OF_SESSIONS
from talkd.storage.database import Reactions, Tx
from talkd.web.call import World


async def _delete_messages(tx: Tx, event: events.SessionLeft) -> None:
    await service.forget_session(tx, event.room_id, event.session_id)


async def _delete_messages_of_all(tx: Tx, event: events.AttendeeRemoved) -> None:
    for session_id in event.session_ids:
        await service.forget_session(tx, event.room_id, session_id)


REACTIONS: Reactions = {
    events.SessionLeft: _delete_messages,
    events.AttendeeRemoved: _delete_messages_of_all,
}


def _outdate_list(world: World, event: Any) -> None:
    world[Polling].outdate_list(event.room_id)


AFTER_COMMIT: Effects = dict.fromkeys(CHANGES_OF_SESSIONS, _outdate_list)
