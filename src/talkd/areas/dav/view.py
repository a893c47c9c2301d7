"""Answers of WebDAV: properties of entries, multistatus documents and errors in XML."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import quote
from xml.sax.saxutils import escape as escape_markup
from xml.sax.saxutils import quoteattr

import msgspec

from talkd.areas.dav.model import DAV, NC, OC, Name, Wanted
from talkd.areas.files.model import Entry, Path
from talkd.areas.files.quota_model import UNLIMITED
from talkd.core import errors

XML = "application/xml; charset=utf-8"
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_SABRE = "http://sabredav.org/ns"
_PREFIXES = {DAV: "d", OC: "oc", NC: "nc"}
_OPEN = f'<d:multistatus xmlns:d="{DAV}" xmlns:s="{_SABRE}" xmlns:oc="{OC}" xmlns:nc="{NC}">'
_UNSAFE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")
"""Characters that names may have and XML may not."""


def escape(text: str) -> str:
    """Return a text as XML can have it."""
    return escape_markup(text.translate(_UNSAFE))


_NAMES: dict[type[errors.TalkError], str] = {
    errors.NotFound: "NotFound",
    errors.Forbidden: "Forbidden",
    errors.Conflict: "Conflict",
    errors.NotAllowedHere: "MethodNotAllowed",
    errors.PreconditionFailed: "PreconditionFailed",
    errors.NoSpace: "InsufficientStorage",
    errors.Locked: "Locked",
    errors.Unavailable: "ServiceUnavailable",
    errors.TooLarge: "BadRequest",
}
"""The names of errors that clients look for."""


class Node(msgspec.Struct, frozen=True):
    """An entry at a path, as the caller sees it."""

    entry: Entry
    path: Path
    owner_name: str
    has_preview: bool = False
    is_received: bool = False
    """Whether it is a file that another user has shared with the caller."""
    free: int = UNLIMITED
    """Bytes that still fit into the quota."""


def etag(entry: Entry) -> str:
    """Return the tag of an entry as headers have it."""
    return f'"{entry.etag}"'


def file_id(entry: Entry) -> str:
    """Return the id in the form that is unique among several servers."""
    return f"{entry.id:08}talkd"


def permissions(node: Node) -> str:
    """Return what the caller may do, in the letters that clients know: shared (S), readable (G), writable (W)."""
    if node.is_received:
        return "SG"
    return "RGDNVCK" if node.entry.is_folder else "RGDNVW"


def href(base: str, path: Path, *, is_folder: bool) -> str:
    """Return the encoded path of an entry below `base`. That of a folder ends with a slash."""
    return "/".join([base, *(quote(name, safe="!$&'()*+,;=:@~") for name in path)]) + ("/" if is_folder else "")


def _in_folders(value: Callable[[Node], str]) -> Callable[[Node], str | None]:
    return lambda node: value(node) if node.entry.is_folder else None


def _in_files(value: Callable[[Node], str]) -> Callable[[Node], str | None]:
    return lambda node: None if node.entry.is_folder else value(node)


def _checksums(checksum: str) -> str:
    return f"<oc:checksum>{checksum}</oc:checksum>" if checksum else ""


_PROPERTIES: dict[Name, Callable[[Node], str | None]] = {
    (DAV, "displayname"): lambda node: escape(node.path[-1] if node.path else node.entry.user_id),
    (DAV, "resourcetype"): lambda node: "<d:collection/>" if node.entry.is_folder else "",
    (DAV, "getetag"): lambda node: escape(etag(node.entry)),
    (DAV, "getlastmodified"): lambda node: formatdate(node.entry.modified_at, usegmt=True),
    (DAV, "creationdate"): lambda node: datetime.fromtimestamp(node.entry.created_at, UTC).isoformat(),
    (DAV, "getcontentlength"): _in_files(lambda node: str(node.entry.size)),
    (DAV, "getcontenttype"): _in_files(lambda node: escape(node.entry.media_type)),
    (DAV, "quota-used-bytes"): _in_folders(lambda node: str(node.entry.size)),
    (DAV, "quota-available-bytes"): _in_folders(lambda node: str(node.free)),
    (DAV, "supportedlock"): lambda _: "",
    (DAV, "lockdiscovery"): lambda _: "",
    (OC, "fileid"): lambda node: str(node.entry.id),
    (OC, "id"): lambda node: file_id(node.entry),
    (OC, "size"): lambda node: str(node.entry.size),
    (OC, "permissions"): permissions,
    (OC, "owner-id"): lambda node: escape(node.entry.user_id),
    (OC, "owner-display-name"): lambda node: escape(node.owner_name),
    (OC, "checksums"): _in_files(lambda node: _checksums(node.entry.checksum)),
    (OC, "favorite"): lambda _: "0",
    (OC, "comments-unread"): lambda _: "0",
    (OC, "share-types"): lambda _: "",
    (OC, "tags"): lambda _: "",
    (NC, "has-preview"): lambda node: "true" if node.has_preview else "false",
    (NC, "is-encrypted"): lambda _: "0",
    (NC, "mount-type"): lambda node: "shared" if node.is_received else "",
    (NC, "creation_time"): lambda node: str(node.entry.created_at),
    (NC, "upload_time"): lambda node: str(node.entry.created_at),
    (NC, "note"): lambda _: "",
}
"""The XML of the value of each property, or None for entries that do not have it."""


def _property(node: Node, name: Name) -> str | None:
    value = _PROPERTIES.get(name)
    return None if value is None else value(node)


_ALWAYS: tuple[Name, ...] = (
    (DAV, "resourcetype"),
    (DAV, "getlastmodified"),
    (DAV, "getcontentlength"),
    (DAV, "getcontenttype"),
    (DAV, "getetag"),
    (DAV, "quota-used-bytes"),
    (DAV, "quota-available-bytes"),
)
"""What a client gets that names no properties."""


BEGIN, END = f"{_HEAD}{_OPEN}".encode(), b"</d:multistatus>"
"""What is before and after the responses of an answer about several entries."""


def multistatus(base: str, nodes: Iterable[Node], wanted: Wanted) -> bytes:
    """Return the answer to a PROPFIND or SEARCH."""
    return b"".join((BEGIN, responses(base, nodes, wanted), END))


def responses(base: str, nodes: Iterable[Node], wanted: Wanted) -> bytes:
    """Return the part of such an answer that is about these entries."""
    return "".join(_response(base, node, wanted) for node in nodes).encode()


def _response(base: str, node: Node, wanted: Wanted) -> str:
    found, missing = [], []
    for name in wanted.names or _ALWAYS:
        value = _property(node, name)
        if value is not None:
            found.append(_element(name, "" if wanted.only_names else value))
        elif wanted.names:
            missing.append(_element(name, ""))
    where = escape(href(base, node.path, is_folder=node.entry.is_folder))
    return f"<d:response><d:href>{where}</d:href>{_status(found, 200)}{_status(missing, 404)}</d:response>"


_PHRASES = {200: "OK", 403: "Forbidden", 404: "Not Found", 424: "Failed Dependency"}


def _status(properties: list[str], status: int) -> str:
    if not properties:
        return ""
    line = f"<d:status>HTTP/1.1 {status} {_PHRASES[status]}</d:status>"
    return f"<d:propstat><d:prop>{''.join(properties)}</d:prop>{line}</d:propstat>"


def _element(name: Name, value: str) -> str:
    """Return a property as XML. Those in other namespaces declare theirs."""
    namespace, local = name
    prefix = _PREFIXES.get(namespace)
    if prefix is not None:
        return f"<{prefix}:{local}>{value}</{prefix}:{local}>" if value else f"<{prefix}:{local}/>"
    declared = f" xmlns:x={quoteattr(namespace)}" if namespace else ""
    tag = f"x:{local}" if namespace else local
    return f"<{tag}{declared}>{value}</{tag}>" if value else f"<{tag}{declared}/>"


def changed(base: str, node: Node, results: Iterable[tuple[Name, int]]) -> bytes:
    """Return the answer to a PROPPATCH: a status for each property."""
    where = escape(href(base, node.path, is_folder=node.entry.is_folder))
    parts = "".join(_status([_element(name, "")], status) for name, status in results)
    return f"{_HEAD}{_OPEN}<d:response><d:href>{where}</d:href>{parts}</d:response></d:multistatus>".encode()


def problem(error: errors.TalkError) -> bytes:
    """Return an error in the form that clients parse."""
    kind = next((name for each, name in _NAMES.items() if isinstance(error, each)), "BadRequest")
    message = escape(error.message or error.reason or kind)
    return (
        f'{_HEAD}<d:error xmlns:d="{DAV}" xmlns:s="{_SABRE}"><s:exception>Sabre\\DAV\\Exception\\{kind}</s:exception>'
        f"<s:message>{message}</s:message></d:error>"
    ).encode()
