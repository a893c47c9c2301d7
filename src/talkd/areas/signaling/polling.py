"""The state of the signaling polls of sessions, in memory."""

from itertools import count


class Polling:
    """Which sessions have the current list of their room's sessions. The database knows each session's newest poll.

    After a restart of the server, and when its polls reach another process, a session gets the list again. The entries
    of a room are deleted with each change of its list.
    """

    def __init__(self, process: int) -> None:
        """`process`: the number of this process."""
        self._informed: dict[int, set[str]] = {}
        """By room: the sessions that have the current list."""
        self._process = process
        self._numbers = count(1)

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

    def new_poll(self) -> str:
        """Return the name of a poll that begins now. No other poll of a session has it."""
        return f"{self._process}:{next(self._numbers)}"

    @staticmethod
    def process_of(poll: str) -> int:
        """Return the number of the process that a poll has reached."""
        return int(poll.partition(":")[0] or 0)
