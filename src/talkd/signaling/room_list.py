"""Tell the peers of users what changes in their lists of rooms."""

import asyncio
from typing import TYPE_CHECKING, Any

from talkd.areas.signaling import identity_service as identities
from talkd.core.errors import Unavailable
from talkd.signaling import messages
from talkd.signaling.announcing import send_to
from talkd.signaling.properties import properties

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

PAUSE = 0.1
"""Seconds in which changes of a room are collected."""
PARTICIPANTS = {"participant-list": "refresh"}
"""The properties that tell clients to fetch the participants again."""


class RoomList:
    """The changes of rooms that users have not been told yet."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling
        self._changed: dict[int, bool] = {}
        """The rooms that have changed. True: the room itself; False: only its participants."""
        self._invited: dict[int, set[str]] = {}
        """The users who were added, by room."""

    def note_change(self, room_id: int) -> None:
        """Note that a property of a room has changed."""
        if self._is_noting(room_id):
            self._changed[room_id] = True

    def note_participants(self, room_id: int) -> None:
        """Note that the participants of a room have changed."""
        if self._is_noting(room_id):
            self._changed.setdefault(room_id, False)

    def note_invited(self, room_id: int, user_id: str) -> None:
        """Note that a user was added to a room."""
        if self._is_noting(room_id):
            self._invited.setdefault(room_id, set()).add(user_id)

    def _is_noting(self, room_id: int) -> bool:
        """Return False if nobody is connected. Else let the notes of a room be told soon."""
        if not len(self._signaling.registry):
            return False
        if room_id not in self._changed and room_id not in self._invited:
            self._signaling.spawn(self._tell_soon(room_id))
        return True

    async def _tell_soon(self, room_id: int) -> None:
        await asyncio.sleep(PAUSE)
        is_changed, invited = self._changed.pop(room_id, None), self._invited.pop(room_id, set())
        registry = self._signaling.registry
        users = registry.list_users()
        try:
            found = await self._signaling.world.db.read(lambda tx: identities.find_readers(tx, room_id, users))
        except Unavailable:
            return  # clients fetch their lists again every few seconds
        if found is None:
            return
        room, names = found
        for user_id, name in names.items():
            content = {"roomid": room.token, "properties": properties(room, name)}
            peers = registry.list_of_user(user_id)
            if user_id in invited:
                send_to(peers, messages.event("roomlist", "invite", content))
            elif is_changed:
                send_to(peers, messages.event("roomlist", "update", content))
            elif is_changed is not None:
                content["properties"] = PARTICIPANTS
                send_to(peers, messages.event("roomlist", "update", content))
        self._tell_inside(room_id, names, room, is_changed)

    def _tell_inside(self, room_id: int, names: dict[str, str], room: Any, is_changed: bool | None) -> None:
        """Tell those who are in the room its new properties."""
        live = self._signaling.registry.find_room(room_id)
        if live is not None and is_changed:
            for peer in live.members.values():
                name = names.get(peer.user_id or "", room.name_for("", ""))
                peer.send(messages.reply("room", {"roomid": room.token, "properties": properties(room, name)}))

    def tell_removed(self, room_id: int, token: str, user_id: str, reason: str) -> None:
        """Tell a user that they are no longer in a room. `reason` is empty if they left by themselves."""
        self._invited.get(room_id, set()).discard(user_id)
        content = {"roomid": token, **({"reason": reason} if reason else {})}
        send_to(self._signaling.registry.list_of_user(user_id), messages.event("roomlist", "disinvite", content))
