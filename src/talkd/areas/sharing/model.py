"""Things that can be shared, and what has to be true of them.

Of what a client says about a thing only the fields named here are kept, because others click on it: links lead
to this server or nowhere. Users, groups, files and polls cannot be shared this way: they
would pass for what they are not.
"""

import re
from urllib.parse import SplitResult, urlsplit

import msgspec

from talkd.conversation.message import Reference
from talkd.core.constants import MAX_MESSAGE_LENGTH
from talkd.core.errors import Invalid, TooLarge
from talkd.core.names import cleaned

KINDS = ("audio", "deckcard", "file", "location", "media", "other", "poll", "recording", "voice")
"""Under which shared things are found again."""

MAX_OVERVIEW_LIMIT = 20

_LOCATION, _CARD, _CALL = "geo-location", "deck-card", "call"
_KIND_OF = {_LOCATION: "location", _CARD: "deckcard"}
_PORTS = {"http": 80, "https": 443}
_CALL_TYPES = frozenset({"one2one", "group", "public"})


class _Schema(msgspec.Struct, frozen=True):
    """Fields that a thing has beside its id and name, and those that it may have."""

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
_PLACE = re.compile(
    rf"geo:({_NUMBER}),({_NUMBER})(?:,-?\d{{1,6}}(?:\.\d{{1,20}})?)?(?:;crs=wgs84)?(?:;u=\d{{1,9}}(?:\.\d{{1,20}})?)?",
    re.ASCII | re.IGNORECASE,
)
"""RFC 5870, with the one coordinate system that it names."""
_LINK = re.compile(r"""https?://[^\s\\<>"'\x00-\x20\x7f-\uffff]+""", re.ASCII | re.IGNORECASE)


def kind_of(object_type: str) -> str:
    """Under which of the KINDS a thing is found again."""
    return _KIND_OF.get(object_type, "other")


def require_thing(object_type: str, object_id: str, meta_data: str, home: str) -> Reference:
    """The thing that a client describes with a JSON object of texts.

    `home` is the configured address of this server, or empty. Raises Invalid: "link" for one that leads elsewhere,
    "object" for everything else that is wrong; TooLarge for more than fits in a message.
    """
    if len(object_id) + len(meta_data) > MAX_MESSAGE_LENGTH:
        raise TooLarge("message")
    schema = _SCHEMAS.get(object_type)
    said = _decode(meta_data)
    if schema is None or said is None:
        raise Invalid("object")
    wanted = {"id", "name", *schema.required, *schema.optional}
    fields = {
        name: _own_link(value, home) if name == "link" else cleaned(value)
        for name, value in said.items()
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
    except msgspec.DecodeError:
        return None


def _coordinates(place: str) -> tuple[str, str]:
    """Latitude and longitude as the id of a place has them: what is shown is where one gets to."""
    found = _PLACE.fullmatch(place)
    if found is None or abs(float(found[1])) > 90 or abs(float(found[2])) > 180:
        raise Invalid("object")
    return found[1], found[2]


def _own_link(link: str, home: str) -> str:
    """The link, put together anew behind this server's own address."""
    if not home or not _LINK.fullmatch(link):
        raise Invalid("link")
    try:
        own, there = urlsplit(home), urlsplit(link)
        is_own = _origin(there) == _origin(own)
    except ValueError as error:  # a port or an IPv6 address that is none
        raise Invalid("link") from error
    if not is_own or there.username is not None:
        raise Invalid("link")
    return there._replace(scheme=own.scheme, netloc=own.netloc).geturl()


def _origin(address: SplitResult) -> tuple[str, str | None, int | None]:
    port = address.port
    return address.scheme, address.hostname, port if port is not None else _PORTS.get(address.scheme)
