"""The envelope of the Open Collaboration Services (OCS) in JSON and XML, and the status codes of errors.

`v2.php` answers with the HTTP status. `v1.php` answers 200 to almost everything, and the `meta` block has the status.
Only this module maps errors to numbers.
"""

import re
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from talkd.core import errors
from talkd.core.streams import Sendable
from talkd.web.response import Response

JSON = "application/json; charset=utf-8"
XML = "application/xml; charset=utf-8"

UNKNOWN_ROUTE = (
    "Invalid query, please check the syntax. API specifications are here: "
    "http://www.freedesktop.org/wiki/Specifications/open-collaboration-services.\n"
)

STATUS: dict[type[errors.TalkError], int] = {
    errors.Invalid: 400,
    errors.NotAuthenticated: 401,
    errors.NotSigned: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.UnknownRoom: 404,
    errors.NotAllowedHere: 405,
    errors.TooSlow: 408,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.NotOwnPage: 412,
    errors.TooLarge: 413,
    errors.Unprocessable: 422,
    errors.Locked: 423,
    errors.Outdated: 426,
    errors.Throttled: 429,
    errors.NotAvailable: 501,
    errors.Unavailable: 503,
    errors.NoSpace: 507,
    errors.Rejected: 400,
}
_ELEMENT_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_NOT_AUTHENTICATED = 997
INTERNAL_ERROR = 996
"""Numbers in `meta.statuscode` that differ from the HTTP status of the answer, which is 401 or 500."""

_encode = msgspec.json.Encoder().encode
_OK_V2 = b'{"ocs":{"meta":{"status":"ok","statuscode":200,"message":"OK"},"data":'


class Reply(msgspec.Struct, frozen=True):
    """The answer of an operation: data for the envelope, or finished bytes with a media type of their own."""

    data: Any = None
    status: int = 200
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    content: bytes | None = None
    stream: Sendable | None = None
    """The content, if it is too large for the memory."""
    content_type: str = JSON
    session_cookie: str | None = None
    """New value of the session cookie; an empty one removes it, None leaves it as it is."""
    responses: dict[Any, Response] | None = None
    """The responses made of this reply, if several requests may get it."""


def refusal(error: errors.TalkError) -> Reply:
    """Return the reply that tells a client of an error."""
    headers = {}
    if isinstance(error, errors.Throttled | errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    return Reply(error.body(), status_of(error), headers)


def status_of(error: errors.TalkError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, errors.Rejected) and error.code in (998, 404):
        return 404
    return STATUS.get(type(error), 400)


def code_of(error: errors.TalkError) -> int:
    """Return the `meta.statuscode` of an error."""
    if isinstance(error, errors.Rejected):
        return error.code
    return _NOT_AUTHENTICATED if isinstance(error, errors.NotAuthenticated) else status_of(error)


def message_of(error: errors.TalkError) -> str:
    """Return the `meta.message` of an error. It is empty for errors with a reason, which is in the data."""
    if isinstance(error, errors.NotAuthenticated):
        return error.message or "Current user is not logged in"
    if isinstance(error, errors.Invalid | errors.NotFound) and error.reason is not None:
        return ""
    return error.message


def envelope(data: Any, *, status: int, version: int, xml: bool, code: int | None = None, message: str = "") -> bytes:
    """Return the body of an answer.

    `code` is `meta.statuscode` if it differs from the HTTP status. Version 1 has 100 in place of 200.
    """
    if version == 2 and status == 200 and not xml:
        return b"".join((_OK_V2, data if isinstance(data, msgspec.Raw) else _encode(data), b"}}"))
    ok = 200 <= status < 300 and (version == 2 or status == 200)
    code = code if code is not None else status
    meta: dict[str, Any] = {
        "status": "ok" if ok else "failure",
        "statuscode": 100 if version == 1 and code == 200 else code,
        "message": "OK" if ok else message,
    }
    if version == 1:
        meta |= {"totalitems": "", "itemsperpage": ""}
    if xml:
        return to_xml({"meta": meta, "data": msgspec.json.decode(data) if isinstance(data, msgspec.Raw) else data})
    return _encode({"ocs": {"meta": meta, "data": data}})


def http_status(status: int, version: int) -> int:
    """Return the HTTP status of an answer. Version 1 answers 200 in place of every status but 401 and 503."""
    return status if version == 2 or status in (401, 503) else 200


def to_xml(value: Any) -> bytes:
    """Return the data as XML: list entries are `element`s, true is 1, and false and null are empty."""
    out = ['<?xml version="1.0"?>\n<ocs>']
    _write_xml(msgspec.to_builtins(value), out)
    out.append("</ocs>\n")
    return "".join(out).encode()


def _write_xml(value: Any, out: list[str]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            name = key if _ELEMENT_NAME.fullmatch(key) else "element"
            out.append(f"<{name}>")
            _write_xml(item, out)
            out.append(f"</{name}>")
    elif isinstance(value, list):
        for item in value:
            out.append("<element>")
            _write_xml(item, out)
            out.append("</element>")
    elif value is True:
        out.append("1")
    elif value is not None and value is not False:
        out.append(escape("".join(c for c in str(value) if (c >= " " and c not in "\ufffe\uffff") or c in "\t\n\r")))
