"""What can go wrong, in words. `web/ocs.py` is the only place that knows the HTTP numbers."""

from typing import Any, Final

NULL: Final = object()
"""As `data` of an error: the answer's data is null, not an empty list."""


class TalkError(Exception):
    """Base of all refusals. `reason` is the API's own short string, `data` what else a client gets."""

    def __init__(self, reason: str | None = None, *, message: str = "", data: Any = None) -> None:
        super().__init__(message or reason or type(self).__name__)
        self.reason = reason
        self.message = message
        self.data = data

    def body(self) -> Any:
        """The `data` of the answer: what was given, or the reason by itself."""
        if self.data is NULL:
            return None
        if self.data is not None:
            return self.data
        if self.reason is None:
            return []
        return {"error": self.reason}


class Invalid(TalkError):
    """The input is wrong; `reason` says which part."""


class NotAuthenticated(TalkError):
    """Nobody is logged in, or the credentials are wrong."""


class Forbidden(TalkError):
    """Known, but not allowed."""


class NotFound(TalkError):
    """Absent, or not for this caller to see: the same answer for both."""


class UnknownRoom(NotFound):
    """No room of that token, or none that the caller is in or may see. Counted when nobody is logged in."""


class NotAllowedHere(TalkError):
    """The operation does not exist for this kind of object."""


class Conflict(TalkError):
    """Somebody else, or another session, is in the way."""


class PreconditionFailed(TalkError):
    """A condition set by the room stands against it: the lobby, a missing set-up."""


class NotOwnPage(PreconditionFailed):
    """The request does not prove that one of the server's own pages sent it (CSRF)."""

    def __init__(self) -> None:
        super().__init__(message="CSRF check failed")


class Outdated(TalkError):
    """The app is older than what the server supports; `message` is the oldest version that it supports."""


class TooLarge(TalkError):
    """Longer or bigger than announced."""


class TooSlow(TalkError):
    """The request takes longer to arrive than it may."""


class Throttled(TalkError):
    """Too many attempts; `retry_after` seconds until the next can succeed."""

    def __init__(self, retry_after: int, reason: str | None = None) -> None:
        super().__init__(reason, message="Reached maximum delay")
        self.retry_after = retry_after


class Unavailable(TalkError):
    """What the server needs, such as its database, cannot be used; `retry_after` seconds until a try is worth it."""

    def __init__(self, retry_after: int, *, message: str) -> None:
        super().__init__(None, message=message)
        self.retry_after = retry_after


class NotAvailable(TalkError):
    """This server is not set up for it."""


class Rejected(TalkError):
    """A refusal with a status code of the provisioning API (101, 102 … 998), which has its own numbers."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(None, message=message)
        self.code = code
