"""Which clients know the newest list of who is in a room, and which of their polls is the newest."""


class Presence:
    """Counts changes of each room's list, what each session was told last, and the polls of each session. In memory:
    after a restart every client is told once more.
    """

    def __init__(self) -> None:
        self._rooms: dict[int, int] = {}
        self._told: dict[str, int] = {}
        self._polls: dict[str, int] = {}

    def changed(self, room_id: int) -> None:
        """Somebody joined, left, or brings something else to the call."""
        self._rooms[room_id] = self._rooms.get(room_id, 0) + 1

    def is_news(self, room_id: int, session_id: str) -> bool:
        """Whether the session has not been told the newest list."""
        return self._told.get(session_id) != self._rooms.get(room_id, 0)

    def tell(self, room_id: int, session_id: str) -> None:
        """The session is being told now."""
        self._told[session_id] = self._rooms.get(room_id, 0)

    def clear(self) -> None:
        """Any list may be another now."""
        self._told.clear()

    def forget(self, session_id: str) -> None:
        """The session has ended."""
        self._told.pop(session_id, None)
        self._polls.pop(session_id, None)

    def begin_poll(self, session_id: str) -> int:
        """Return the number of a session's poll that begins now."""
        number = self._polls[session_id] = self._polls.get(session_id, 0) + 1
        return number

    def is_newest_poll(self, session_id: str, number: int) -> bool:
        """Return True if the session has begun no other poll since.

        Messages go to the newest poll alone. The connection of an earlier one may be cut, and a phone that changes its
        network does not tell the server.
        """
        return self._polls.get(session_id) == number
