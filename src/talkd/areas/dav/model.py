"""Parse the XML, the headers and the paths of WebDAV requests."""

import re
from enum import Enum
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit
from xml.parsers import expat

import msgspec

from talkd.areas.files.model import Path, parse_path
from talkd.core.errors import Forbidden, Invalid, TooLarge

DAV, OC, NC = "DAV:", "http://owncloud.org/ns", "http://nextcloud.org/ns"
LATEST = 253_402_300_799
"""The last moment of the year 9999, which is the last that headers can name."""
MAX_BODY = 65_536
"""Maximum size of the XML of a request in bytes."""
MAX_ELEMENTS = 500
"""Maximum number of elements in the XML of a request."""
MAX_NAME = 256
"""Maximum length of the name of an element, with its namespace, in characters."""
MAX_NESTING = 50
"""Maximum number of elements inside each other."""
_SIZE = re.compile("[0-9]{1,18}")
_TAG_IN_IF = re.compile(r'(?<!Not )\[(?:W/)?"?([^"\[\]]*)"?\]')

Name = tuple[str, str]
"""Namespace and name of a property."""


class Element(msgspec.Struct):
    """An element of a request's XML."""

    name: Name
    text: str = ""
    inside: list["Element"] = []

    def find(self, name: str, namespace: str = DAV) -> "Element | None":
        """Return the first element of this name anywhere inside it."""
        for each in self.inside:
            found = each if each.name == (namespace, name) else each.find(name, namespace)
            if found is not None:
                return found
        return None


def parse(content: bytes) -> Element | None:
    """Return the outermost element of a request, or None for an empty body. Raises Invalid for anything but plain XML.

    Documents with a DOCTYPE are refused, because entities could make them grow, or read files.
    """
    if not content.strip():
        return None
    if len(content) > MAX_BODY:
        raise TooLarge("body", message=f"The XML of a request may have at most {MAX_BODY} bytes.")
    parser = expat.ParserCreate(namespace_separator="\n")
    parser.buffer_text = True
    top = Element(("", ""))
    stack, count = [top], 0

    def start(name: str, _attributes: Any) -> None:
        nonlocal count
        count += 1
        if count > MAX_ELEMENTS or len(stack) > MAX_NESTING:
            raise _unreadable()
        namespace, _, local = name.rpartition("\n")
        if len(name) > MAX_NAME:
            raise _unreadable()
        element = Element((namespace, local), inside=[])
        stack[-1].inside.append(element)
        stack.append(element)

    def end(_name: str) -> None:
        stack.pop()

    def text(content: str) -> None:
        stack[-1].text += content

    def refuse(*_: Any) -> None:
        raise _unreadable()

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = refuse
    top.inside = []
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise _unreadable() from error
    return top.inside[0]


def _unreadable() -> Invalid:
    return Invalid("body", message="The XML of the request cannot be read.")


class Wanted(msgspec.Struct, frozen=True):
    """Which properties a client asks for."""

    names: tuple[Name, ...] = ()
    """Empty for those that everybody gets."""
    only_names: bool = False


def parse_wanted(content: bytes) -> Wanted:
    """Return what a PROPFIND asks for. Raises Invalid."""
    element = parse(content)
    if element is None:
        return Wanted()
    if element.name != (DAV, "propfind"):
        raise _unreadable()
    if element.find("propname") is not None:
        return Wanted(only_names=True)
    properties = element.find("prop")
    return Wanted(tuple(each.name for each in properties.inside) if properties is not None else ())


class Depth(Enum):
    """How much of a folder a request is about."""

    NONE = 0
    """The folder alone."""
    CHILDREN = 1
    ALL = 2


def parse_depth(header: str) -> Depth:
    """Return the depth of a PROPFIND. Without the header it is that of most clients: the folder and what is in it."""
    return {"0": Depth.NONE, "infinity": Depth.ALL}.get(header.strip().lower(), Depth.CHILDREN)


class Change(msgspec.Struct, frozen=True):
    """One property of a PROPPATCH, with its new value, or None to remove it."""

    name: Name
    value: str | None


def parse_changes(content: bytes) -> list[Change]:
    """Return what a PROPPATCH changes, in its order. Raises Invalid."""
    element = parse(content)
    if element is None or element.name != (DAV, "propertyupdate"):
        raise _unreadable()
    return [
        Change(each.name, each.text.strip() if part.name == (DAV, "set") else None)
        for part in element.inside
        for properties in part.inside
        if properties.name == (DAV, "prop")
        for each in properties.inside
    ]


def parse_target(destination: str, prefixes: tuple[str, ...]) -> Path:
    """Return the path in the header Destination below one of the prefixes.

    Raises Invalid without a readable one, and Forbidden if it leads out of the folders of the caller.
    """
    if not destination:
        raise Invalid("destination", message="The header Destination is missing.")
    if set(destination) & set("#?"):  # part of a name that was not encoded: the file would go to another place
        raise Invalid("destination", message="The header Destination is not encoded.")
    try:
        path = unquote_to_bytes(urlsplit(destination).path).decode()
    except ValueError as error:
        raise Invalid("destination", message="The header Destination is not readable.") from error
    for prefix in prefixes:
        if path == prefix or path.startswith(prefix + "/"):
            return parse_path(path[len(prefix) :])
    raise Forbidden(message="The header Destination leads to another place.")


def parse_moment(text: str) -> int:
    """Return a Unix time from a text with a number of seconds, or 0."""
    try:
        return max(0, min(int(float(text)), LATEST)) if text else 0
    except (ValueError, OverflowError):
        return 0


def parse_size(text: str) -> int | None:
    """Return a number of bytes, or None for anything else."""
    return int(text) if _SIZE.fullmatch(text.strip()) else None


def parse_if(header: str) -> frozenset[str]:
    """Return the tags in the header If, in which the desktop client names the file that it replaces by an upload."""
    return frozenset(_TAG_IN_IF.findall(header))


def parse_etags(header: str) -> frozenset[str]:
    """Return the tags in If-Match or If-None-Match, without quotes. `*` is one."""
    return frozenset(each.strip().removeprefix("W/").strip('"') for each in header.split(",") if each.strip())
