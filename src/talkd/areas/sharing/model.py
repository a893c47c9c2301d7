"""Things that clients can share, and the rules for their fields.

Other users click on shared things. So only the fields listed here are kept, and links must lead to this server. Users,
groups, files and polls cannot be shared this way: clients would show a forged one like a real one.
"""

import re
from urllib.parse import SplitResult, urlsplit

import msgspec

from talkd.conversation.message import Reference
from talkd.core.constants import MAX_MESSAGE_LENGTH
from talkd.core.errors import Invalid, TooLarge
from talkd.core.json import UNREADABLE
from talkd.core.names import cleaned

KINDS = ("audio", "deckcard", "file", "location", "media", "other", "poll", "recording", "voice")
"""Kinds under which clients list shared things."""

MAX_OVERVIEW_LIMIT = 20

_LOCATION, _CARD, _CALL = "geo-location", "deck-card", "call"
_KIND_OF = {_LOCATION: "location", _CARD: "deckcard"}
_PORTS = {"http": 80, "https": 443}
_CALL_TYPES = frozenset({"one2one", "group", "public"})


class _Schema(msgspec.Struct, frozen=True):
    """The required and optional fields of a type, in addition to id and name."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_SCHEMAS = {
    _LOCATION: _Schema(("latitude", "longitude")),
    _CARD: _Schema(("boardname", "stackname", "link")),
    "deck-board": _Schema(("link",)),
    "calendar": _Schema(),
    "calendar-event": _Schema(optional=("link",)),
    "calendar-todo": _Schema(optional=("link",)),
    "addressbook": _Schema(),
    "addressbook-contact": _Schema(),
    "announcement": _Schema(optional=("link",)),
    "forms-form": _Schema(("link",)),
    _CALL: _Schema(("call-type",), ("link",)),
}

_NUMBER = r"-?\d{1,3}(?:\.\d{1,20})?"
_GEO_URI = re.compile(
    rf"geo:({_NUMBER}),({_NUMBER})(?:,-?\d{{1,6}}(?:\.\d{{1,20}})?)?(?:;crs=wgs84)?(?:;u=\d{{1,9}}(?:\.\d{{1,20}})?)?",
    re.ASCII | re.IGNORECASE,
)
"""A `geo:` URI (RFC 5870) in WGS 84, the only coordinate system that the RFC defines."""
_LINK = re.compile(r"""https?://[^\s\\<>"'\x00-\x20\x7f-\uffff]+""", re.ASCII | re.IGNORECASE)


def kind_of(object_type: str) -> str:
    """Return which of the KINDS lists things of this type."""
    return _KIND_OF.get(object_type, "other")


def require_thing(object_type: str, object_id: str, meta_data: str, home: str) -> Reference:
    """Check a thing that a client shares, and return it with the fields of its type.

    `meta_data` is a JSON object of strings, and `home` the configured address of this server, or empty. Raises
    Invalid("link") if a link does not lead to this server, Invalid("object") for every other fault, and TooLarge if
    the thing is too long for a message.
    """
    if len(object_id) + len(meta_data) > MAX_MESSAGE_LENGTH:
        raise TooLarge("message")
    schema = _SCHEMAS.get(object_type)
    given = _decode(meta_data)
    if schema is None or given is None:
        raise Invalid("object")
    wanted = {"id", "name", *schema.required, *schema.optional}
    fields = {
        name: _own_link(value, home) if name == "link" else cleaned(value)
        for name, value in given.items()
        if name in wanted
    }
    fields |= {"type": object_type, "id": object_id, "name": fields.get("name", "")}
    if not all(fields.get(name) for name in ("id", "name", *schema.required)):
        raise Invalid("object")
    if object_type == _LOCATION:
        fields["latitude"], fields["longitude"] = _coordinates(object_id)
    if object_type == _CALL and fields["call-type"] not in _CALL_TYPES:
        raise Invalid("object")
    return Reference(object_type, object_id, fields["name"], fields)


def _decode(meta_data: str) -> dict[str, str] | None:
    try:
        return msgspec.json.decode(meta_data, type=dict[str, str])
    except UNREADABLE:
        return None


def _coordinates(location: str) -> tuple[str, str]:
    """Return latitude and longitude from the id, the link that clients open, so that both agree."""
    found = _GEO_URI.fullmatch(location)
    if found is None or abs(float(found[1])) > 90 or abs(float(found[2])) > 180:
        raise Invalid("object")
    return found[1], found[2]


def _own_link(link: str, home: str) -> str:
    """Return the link with this server's own scheme, host and port. Raises Invalid("link") if it leads elsewhere."""
    if not home or not _LINK.fullmatch(link):
        raise Invalid("link")
    try:
        own, there = urlsplit(home), urlsplit(link)
        is_own = _origin(there) == _origin(own)
    except ValueError as error:  # an invalid port or IPv6 address
        raise Invalid("link") from error
    if not is_own or there.username is not None:
        raise Invalid("link")
    return there._replace(scheme=own.scheme, netloc=own.netloc).geturl()


def _origin(address: SplitResult) -> tuple[str, str | None, int | None]:
    port = address.port
    return address.scheme, address.hostname, port if port is not None else _PORTS.get(address.scheme)
