"""The state of the signaling polls of sessions, in memory."""


class Polling:
    """Which sessions have the current list of their room's sessions, and which poll of each session is the newest.

    After a restart of the server, each session gets the list again. The entries of a session are deleted when it
    ends, and those of a room with each change of its list.
    """

    def __init__(self) -> None:
        self._informed: dict[int, set[str]] = {}
        """By room: the sessions that have the current list."""
        self._polls: dict[str, int] = {}

    def has_list(self, room_id: int, session_id: str) -> bool:
        """Return True if the session has the current list of the room's sessions."""
        return session_id in self._informed.get(room_id, ())

    def note_list(self, room_id: int, session_id: str) -> None:
        """Note that the session is being sent the current list."""
        self._informed.setdefault(room_id, set()).add(session_id)

    def outdate_list(self, room_id: int) -> None:
        """Note that the list has changed, for example because somebody joined, left, or switched on their camera."""
        self._informed.pop(room_id, None)

    def outdate_lists(self) -> None:
        """Note that any list may have changed."""
        self._informed.clear()

    def forget_session(self, session_id: str) -> None:
        """Forget the polls of a session that has ended. `outdate_list` forgets that it had the list."""
        self._polls.pop(session_id, None)

    def begin_poll(self, session_id: str) -> int:
        """Return the number of a session's poll that begins now."""
        number = self._polls[session_id] = self._polls.get(session_id, 0) + 1
        return number

    def has_polled(self, session_id: str) -> bool:
        """Return True if the session's client has polled."""
        return session_id in self._polls

    def is_newest_poll(self, session_id: str, number: int) -> bool:
        """Return True if the session has not begun another poll since.

        Only the newest poll takes messages. The connection of an earlier poll may be lost without the server noticing,
        for example when a phone changes its network.
        """
        return self._polls.get(session_id) == number
