"""What has happened in a room and was not told to the signaling servers yet."""


class News:
    """The news of a room. Later events are merged into them, so they do not grow with the number of events."""

    __slots__ = (
        "attendees",
        "call_ended",
        "chat_from",
        "deleted_from",
        "everybody",
        "in_call",
        "invited",
        "is_changed",
        "list_changed",
        "moves",
        "removed",
        "removed_sessions",
        "sessions",
        "token",
    )

    def __init__(self) -> None:
        self.token = ""
        """The token of a room that was deleted."""
        self.invited: set[str] = set()
        """Users who were added."""
        self.removed: set[str] = set()
        """Users who were removed, or have left for good."""
        self.removed_sessions: set[str] = set()
        """Sessions of those who were removed."""
        self.is_changed = False
        """Whether a property of the room has changed."""
        self.list_changed = False
        """Whether the list of sessions has changed."""
        self.sessions: set[str] = set()
        """Sessions that are new in the list."""
        self.attendees: set[int] = set()
        """Attendees whose entries in the list have changed."""
        self.everybody = False
        """Whether all entries of the list may have changed."""
        self.in_call: set[str] = set()
        """Sessions that have joined or left the call, or switched something on or off there."""
        self.call_ended = False
        """Whether a moderator has ended the call for everybody."""
        self.chat_from: int | None = None
        """The id of the last message before the new ones, or None."""
        self.moves = False
        """Whether a breakout room was started or stopped, so that its participants change rooms."""
        self.deleted_from: tuple[str, ...] | None = None
        """The users of a room that was deleted, or None."""
