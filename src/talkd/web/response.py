"""The answer to a request, until it is written."""

from dataclasses import dataclass, field
from http.cookies import SimpleCookie

from talkd.core.streams import Sendable


@dataclass(slots=True)
class Response:
    """Status, headers and body of an answer. The names of headers are in lower case."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    stream: Sendable | None = None
    """The body, if it is too large for the memory."""
    cookies: list[str] = field(default_factory=list)
    """Values of the header Set-Cookie."""
    written: bytes | None = None
    """The whole answer, after it was written to a plain request. The next plain request gets the same."""

    def set_headers(self, headers: dict[str, str]) -> None:
        """Set headers, whose names may have capital letters."""
        for name, value in headers.items():
            self.headers[name.lower()] = value

    def set_body(self, body: bytes, content_type: str) -> None:
        """Set the body and its media type."""
        self.headers["content-type"] = content_type
        self.body = body

    def set_cookie(self, name: str, value: str, *, path: str, secure: bool) -> None:
        """Set a cookie that scripts cannot read and that other sites do not send. An empty value removes it."""
        cookie = SimpleCookie({name: value})[name]
        cookie["path"], cookie["samesite"] = path, "Lax"
        if value:
            cookie["httponly"], cookie["secure"] = True, secure
        else:
            cookie["expires"] = -1  # the library makes it a time in the past
        self.cookies.append(cookie.OutputString())
