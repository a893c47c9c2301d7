"""The searches of WebDAV (`basicsearch`): which files are looked for, and where."""

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from talkd.areas.dav.model import DAV, OC, Element, Name, Wanted, parse
from talkd.areas.files.model import MAX_NAME, Entry, Path, parse_path
from talkd.core.errors import Invalid

Test = Callable[[Entry], bool]
"""Returns True for the entries that are looked for."""
MAX_CONDITIONS = 20
"""Maximum number of conditions in a search."""
MAX_FOUND = 1000
"""Maximum number of entries in an answer."""
_FILE_ID = re.compile("([0-9]{1,18})(talkd)?")
"""The id of a file, alone or as in the property `oc:id`."""
_MOST = re.compile("[0-9]{1,9}")
_TEXTS: dict[Name, Callable[[Entry], str]] = {
    (DAV, "displayname"): lambda entry: entry.name,
    (DAV, "getcontenttype"): lambda entry: entry.media_type,
}
_NUMBERS: dict[Name, Callable[[Entry], int]] = {
    (DAV, "getlastmodified"): lambda entry: entry.modified_at,
    (DAV, "creationdate"): lambda entry: entry.created_at,
    (DAV, "getcontentlength"): lambda entry: entry.size,
    (OC, "size"): lambda entry: entry.size,
    (OC, "fileid"): lambda entry: entry.id,
    (OC, "favorite"): lambda _: 0,
}
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


class Search(msgspec.Struct, frozen=True):
    """A search in the files of the caller."""

    wanted: Wanted
    file_id: int = 0
    """If it is not 0, only the file with this id is looked for, wherever it is."""
    test: Test = lambda _: True
    user_id: str = ""
    path: Path = ()
    """The user and the folder in which to look."""
    most: int = MAX_FOUND


def parse_search(content: bytes) -> Search:
    """Return what a SEARCH looks for. Raises Invalid."""
    element = parse(content)
    where = element.find("where") if element is not None else None
    if element is None or where is None or not where.inside:
        raise _unknown()
    selected = element.find("select")
    properties = selected.find("prop") if selected is not None else None
    wanted = Wanted(tuple(each.name for each in properties.inside) if properties is not None else ())
    if (
        len(where.inside) == 1
        and where.inside[0].name == (DAV, "eq")
        and where.inside[0].find("fileid", OC) is not None
    ):
        return Search(wanted, _number(where.inside[0]))
    user_id, path = _parse_scope(element)
    found = element.find("nresults")
    wanted_most = found.text.strip() if found is not None else ""
    most = min(int(wanted_most), MAX_FOUND) if _MOST.fullmatch(wanted_most) else MAX_FOUND
    if _count(where) > MAX_CONDITIONS:
        raise _unknown()
    tests = [_test(each) for each in where.inside]
    return Search(wanted, 0, lambda entry: all(test(entry) for test in tests), user_id, path, most)


def _unknown() -> Invalid:
    return Invalid("query", message="This search is not supported.")


def _parse_scope(element: Element) -> tuple[str, Path]:
    """Return the user and the path in the scope of a search, like `/files/ada/Talk`."""
    scope = element.find("scope")
    href = scope.find("href") if scope is not None else None
    names = parse_path(href.text.strip() if href is not None else "")
    if names[:2] == ("remote.php", "dav"):
        names = names[2:]
    if len(names) < 2 or names[0] != "files":
        raise _unknown()
    return names[1], names[2:]


def _count(element: Element) -> int:
    """Return the number of literals in an element."""
    return sum((each.name == (DAV, "literal")) + _count(each) for each in element.inside)


def _test(element: Element) -> Test:
    """Return the test of a condition. Raises Invalid for one that is not known."""
    namespace, kind = element.name
    if namespace != DAV:
        raise _unknown()
    if kind in ("and", "or", "not") and element.inside:
        tests = [_test(each) for each in element.inside]
        if kind == "and":
            return lambda entry: all(test(entry) for test in tests)
        if kind == "or":
            return lambda entry: any(test(entry) for test in tests)
        return lambda entry: not tests[0](entry)
    if kind == "is-collection":
        return lambda entry: entry.is_folder
    name, literal = _property_of(element), _literal_of(element)
    text = _TEXTS.get(name)
    if text is not None and kind == "eq":
        return lambda entry: text(entry) == literal
    if text is not None and kind == "like":
        if len(literal) > MAX_NAME:
            raise _unknown()
        is_like = like(literal)
        return lambda entry: is_like(text(entry))
    value, compare = _NUMBERS.get(name), _COMPARISONS.get(kind)
    if value is None or compare is None:
        raise _unknown()
    number = _number(element)
    return lambda entry: compare(value(entry), number)


def _property_of(element: Element) -> Name:
    found = element.find("prop")
    if found is None or len(found.inside) != 1:
        raise _unknown()
    return found.inside[0].name


def _literal_of(element: Element) -> str:
    found = element.find("literal")
    if found is None:
        raise _unknown()
    return found.text.strip()


def _number(element: Element) -> int:
    """Return the literal of a condition as a number. A date is one. Raises Invalid."""
    literal = _literal_of(element)
    number = _FILE_ID.fullmatch(literal)
    if number is not None:
        return int(number[1])
    try:
        moment = datetime.fromisoformat(literal)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError) as error:
        raise _unknown() from error


def like(pattern: str) -> Callable[[str], bool]:
    """Return what tests whether a text has the form of a pattern, in which `%` is any text and `_` any character.

    Case does not count. The parts between `%` are found one after the other, so that no pattern takes long.
    """
    first, *rest = (_part(part) for part in pattern.split("%"))
    size_of_last = len(pattern.rpartition("%")[2])

    def test(text: str) -> bool:
        if not rest:
            return first.fullmatch(text) is not None
        found = first.match(text)
        for part in rest[:-1]:
            found = part.search(text, found.end()) if found is not None else None
        if found is None:
            return False
        start = len(text) - size_of_last
        return start >= found.end() and rest[-1].fullmatch(text, start) is not None

    return test


def _part(part: str) -> re.Pattern[str]:
    return re.compile(re.escape(part).replace("_", "."), re.IGNORECASE | re.DOTALL)
