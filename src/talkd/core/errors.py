"""The errors that are reported to clients. `web/ocs.py` maps them to HTTP statuses."""

import errno
from typing import Any, Final

NULL: Final = object()
"""The `data` of an error whose answer has null as its data instead of an empty list."""


class TalkError(Exception):
    """Base class of all refusals.

    `reason` is the short text that the API defines. `message` is for people. `data` replaces the data of the answer.
    """

    def __init__(self, reason: str | None = None, *, message: str = "", data: Any = None) -> None:
        super().__init__(message or reason or type(self).__name__)
        self.reason = reason
        self.message = message
        self.data = data

    def body(self) -> Any:
        """Return the data of the answer: `data` if there is any, else the reason."""
        if self.data is NULL:
            return None
        if self.data is not None:
            return self.data
        if self.reason is None:
            return []
        return {"error": self.reason}


class Invalid(TalkError):
    """A parameter is wrong. `reason` usually names it."""


class NotAuthenticated(TalkError):
    """Nobody is logged in, or the credentials are wrong."""


class NotSigned(TalkError):
    """A part of the installation did not prove that it knows the shared secret.

    `action` is the brute-force action that counts the attempt, or "" if it was none.
    """

    def __init__(self, action: str, data: Any = NULL) -> None:
        super().__init__(data=data)
        self.action = action


class Forbidden(TalkError):
    """The caller is known, but may not do this."""


class NotFound(TalkError):
    """The object does not exist, or the caller may not see it. The answer is the same."""


class UnknownRoom(NotFound):
    """The room does not exist, or the caller may not see it. Visitors who get it may be guessing tokens."""


class NotAllowedHere(TalkError):
    """The operation is not available for this kind of object."""


class Conflict(TalkError):
    """The request conflicts with another user, another session or a concurrent change."""


class Locked(TalkError):
    """Another request is using the object. The client should try again in a moment."""


class PreconditionFailed(TalkError):
    """A condition is not met: for example, the caller must wait in the lobby."""


class NotOwnPage(PreconditionFailed):
    """The request does not prove that one of the server's own pages sent it (CSRF)."""

    def __init__(self) -> None:
        super().__init__(message="CSRF check failed")


class Outdated(TalkError):
    """The app is too old. `message` is the oldest version that the server supports."""


class TooLarge(TalkError):
    """A parameter or the request exceeds a size limit."""


class Unprocessable(TalkError):
    """A parameter names something that exists, but not where this operation takes it from."""


class NoSpace(TalkError):
    """There is no space left for the file, in the user's quota or on the server."""


class TooSlow(TalkError):
    """The body of the request arrives too slowly."""


class Throttled(TalkError):
    """Too many attempts. `retry_after` is the number of seconds until the next one can succeed."""

    def __init__(self, retry_after: int, reason: str | None = None) -> None:
        super().__init__(reason, message="Reached maximum delay")
        self.retry_after = retry_after


class Unavailable(TalkError):
    """The server is full or its database is unavailable. The client should try again after `retry_after` seconds."""

    def __init__(self, retry_after: int, *, message: str) -> None:
        super().__init__(None, message=message)
        self.retry_after = retry_after


def storage_error(error: OSError) -> NoSpace | Unavailable:
    """Return the error to answer with when the contents of files cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return NoSpace(message="The server has no space left for files.")
    return Unavailable(10, message="The storage of files cannot be reached.")


class NotAvailable(TalkError):
    """The server is not set up for this operation."""


class Rejected(TalkError):
    """A refusal with a status code of the provisioning API (101, 102 … 998)."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(None, message=message)
        self.code = code
