"""What this process remembers of the signaling polls of sessions."""

from collections import defaultdict


class Polling:
    """Which sessions have the current list of their room's sessions, and which poll of each session is the newest.

    Everything is kept in memory: after a restart each session gets the list once more. What is kept of a session goes
    when it ends, and what is kept of a room goes with every change of its list.
    """

    def __init__(self) -> None:
        self._informed: defaultdict[int, set[str]] = defaultdict(set)
        """By room: the sessions that have the current list."""
        self._polls: dict[str, int] = {}

    def has_list(self, room_id: int, session_id: str) -> bool:
        """Return True if the session has the current list of the room's sessions."""
        return room_id in self._informed and session_id in self._informed[room_id]

    def note_list(self, room_id: int, session_id: str) -> None:
        """Note that the session is being sent the current list."""
        self._informed[room_id].add(session_id)

    def outdate_list(self, room_id: int) -> None:
        """Note that the list has changed: somebody joined, left, or changed what they bring to the call."""
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

    def is_newest_poll(self, session_id: str, number: int) -> bool:
        """Return True if the session has begun no other poll since.

        Only the newest poll takes messages. The connection of an earlier one may be cut, and a phone that changes its
        network does not tell the server.
        """
        return self._polls.get(session_id) == number
