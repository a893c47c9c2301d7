"""The requests to the recording server."""

from typing import Any

import msgspec

from talkd.areas.recording import service
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core import checksums, ids
from talkd.core.actor import Actor
from talkd.core.errors import Invalid, NotFound
from talkd.core.json import UNREADABLE
from talkd.core.log import Log
from talkd.storage.database import Database
from talkd.web import outgoing

log = Log(__name__)

RANDOM_LENGTH = 64
OK = 200
UNREACHABLE = "CAN_NOT_CONNECT"
NO_RECORDER = "JSON_INVALID"


class Recorder:
    """Asks the recording server to begin and end recordings. A recording that it does not know of has failed."""

    def __init__(self, db: Database, talk_settings: TalkSettings) -> None:
        self._db = db
        self._settings = talk_settings

    async def start(self, me: Participant, base_url: str, status: int) -> None:
        """Ask for a recording that the participant owns. `base_url` is what `service.begin_start` has stored.

        Raises Invalid("config") if the recording server refuses or does not answer.
        """
        start = {"status": status, "owner": me.actor.id, "actor": _named(me.actor)}
        if not await self._send(me.room, {"type": "start", "start": start}, base_url):
            await self._db.write(lambda tx: service.give_up(tx, me.room.id))
            raise Invalid("config", message="The recording server cannot be reached.")

    async def stop(self, me: Participant, base_url: str) -> None:
        """Ask for the end of the recording in the participant's room. Does nothing if it is not being recorded."""
        await self._stop(me.room, {"actor": _named(me.actor)}, base_url, again=True)

    async def stop_after_call(self, room: Room, base_url: str) -> None:
        """Ask for the end of the recording in a room whose call is over, unless that was asked lately."""
        await self._stop(room, {}, base_url, again=False)

    async def _stop(self, room: Room, stop: dict[str, Any], base_url: str, *, again: bool) -> None:
        address = await self._db.write(lambda tx: service.begin_stop(tx, room.id, again=again))
        if address is None:
            return
        if not await self._send(room, {"type": "stop", "stop": stop}, address or base_url):
            await self._db.write(lambda tx: service.give_up(tx, room.id))

    async def _send(self, room: Room, message: dict[str, Any], base_url: str) -> bool:
        """Send a signed message. Return True if the recording server has accepted it."""
        server = self._settings.recording_server
        if server is None:
            return False
        body = msgspec.json.encode(message)
        headers = headers_for(body, base_url, self._settings.recording_secret)
        url = f"{server.address}/api/v1/room/{room.token}"
        try:
            answer = await outgoing.send("POST", url, body, headers, verify=server.verify)
        except outgoing.Unreachable as error:
            log.warning("recording_server_failed", server=server.address, error=str(error))
            return False
        if answer.status != OK:
            log.warning("recording_server_refused", server=server.address, status=answer.status)
        return answer.status == OK

    async def check(self, number: int) -> dict[str, Any]:
        """Ask the recording server with this number, from 0 on, for its version. Return it, or what is wrong.

        Raises NotFound if there is no such server.
        """
        servers = self._settings.recording_servers
        if number >= len(servers):
            raise NotFound
        server = servers[number]
        try:
            answer = await outgoing.send("GET", f"{server.address}/api/v1/welcome", verify=server.verify)
            return {"version": msgspec.json.decode(answer.content, type=dict[str, Any])["version"]}
        except outgoing.Unreachable:
            return {"error": UNREACHABLE}
        except (KeyError, *UNREADABLE):
            return {"error": NO_RECORDER}


def headers_for(body: bytes, base_url: str, secret: str) -> dict[str, str]:
    """Return the headers that prove to a recording server that this server sends the body."""
    random = ids.text(RANDOM_LENGTH)
    return {
        "Content-Type": "application/json",
        "Talk-Recording-Backend": base_url,
        "Talk-Recording-Random": random,
        "Talk-Recording-Checksum": checksums.sign(body, secret=secret, random=random),
    }


def _named(actor: Actor) -> dict[str, str]:
    return {"type": actor.type, "id": actor.id}
