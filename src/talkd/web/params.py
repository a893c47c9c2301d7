"""Typed parameters from path, query, form, JSON and multipart, converted as leniently as clients expect.

For a number, any numeric value is accepted, and any other value counts as 0, as in Nextcloud.
"""

import json
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from talkd.core.characters import is_text
from talkd.core.errors import Invalid, TooLarge
from talkd.core.json import UNREADABLE

P = TypeVar("P", bound=msgspec.Struct)
Raw = dict[str, Any]

MAX_INTEGER = 2**62
"""Larger numbers count as this one. Both databases can still store it after small additions."""
MAX_FIELDS = 10_000
"""Maximum number of values in a request, including values inside lists and maps."""
MAX_DEPTH = 32
"""Maximum depth of lists and maps inside each other."""
MAX_TEXT = 65_536
"""Maximum number of characters of a parameter. Most parameters have a lower limit of their own."""
NOT_UTF8 = "The request is not UTF-8."
_FALSE = {"", "0", "false"}


class NoParams(msgspec.Struct, frozen=True):
    """The parameters of operations that take none."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a multipart form."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """A large file in a multipart form, on the disk at `path` (`uploads.py`). Whoever keeps it moves it."""

    name: str
    path: Path
    size: int


def to_int(value: Any) -> int:
    """Convert a value to a whole number as PHP does."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        number = value
    elif isinstance(value, float):
        number = int(value) if abs(value) < MAX_INTEGER else 0
    elif isinstance(value, str):
        number = _leading_number(value)
    else:
        return int(bool(value))
    return max(-MAX_INTEGER, min(MAX_INTEGER, number))


def _leading_number(text: str) -> int:
    text = text.strip()
    end = 1 if text[:1] in ("-", "+") else 0
    while end < len(text) and end < 20 and text[end] in "0123456789":
        end += 1
    digits = text[:end]
    return int(digits) if digits not in ("", "-", "+") else 0


def to_bool(value: Any) -> bool:
    """Convert a value to a boolean as Nextcloud does. The texts `""`, `0` and `false`, in any case, are false."""
    if isinstance(value, str):
        return value.lower() not in _FALSE
    return bool(value)


class _TooLongError(Exception):
    """The text is longer than MAX_TEXT."""


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise _TooLongError
        return value
    raise ValueError


def _to_long_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError


def _to_texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        raise ValueError
    return [_to_text(item) for item in value]


def _to_numbers(value: Any) -> list[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        raise ValueError
    return [to_int(item) for item in value]


def _to_text_lists(value: Any) -> dict[str, list[str]]:
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise ValueError
    return {str(key): _to_texts(item) for key, item in value.items()}


def _to_plain(value: Any) -> str:
    """Convert a text, number or boolean to text. Some clients send settings as numbers."""
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, int | float):
        return str(value)
    return _to_text(value)


def _to_file(value: Any) -> Upload:
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, Upload):
        raise ValueError
    return value


def _to_stored_file(value: Any) -> StoredUpload:
    if not isinstance(value, StoredUpload):
        raise ValueError
    return value


class Scalar(str):
    """The type of a parameter that may be sent as a text or a number, and is read as a text."""

    __slots__ = ()


class LongText(str):
    """The type of a text parameter without a length limit of its own."""

    __slots__ = ()


_CONVERSIONS: dict[Any, Callable[[Any], Any]] = {
    int: to_int,
    bool: to_bool,
    str: _to_text,
    Scalar: _to_plain,
    LongText: _to_long_text,
    list[str]: _to_texts,
    list[int]: _to_numbers,
    dict[str, list[str]]: _to_text_lists,
    Upload: _to_file,
    StoredUpload: _to_stored_file,
}


@dataclass(frozen=True, slots=True)
class _Field:
    """How one parameter is converted."""

    attribute: str
    name: str
    """Its name in requests."""
    convert: Callable[[Any], Any]
    holds_many: bool
    """Whether it is a list or a map."""
    nullable: bool
    required: bool


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(kind)
    found = []
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        nullable = False
        if isinstance(hint, types.UnionType):
            members = [member for member in typing.get_args(hint) if member is not type(None)]
            nullable = len(members) < len(typing.get_args(hint))
            hint = members[0]
        holds_many = typing.get_origin(hint) in (list, dict)
        found.append(_Field(field.name, field.encode_name, _CONVERSIONS[hint], holds_many, nullable, field.required))
    return tuple(found)


def convert(raw: Raw, kind: type[P], *, most: int = MAX_FIELDS) -> P:
    """Return the typed parameters. Null counts as absent, unless the type allows null.

    A list or map may have `most` entries, including those of inner lists. Raises Invalid or TooLarge with the
    parameter's name as the reason.
    """
    values: dict[str, Any] = {}
    for field in _fields(kind):
        name = field.name
        if name not in raw:
            if field.required:
                raise Invalid(name, message=f"The parameter {name} is missing.")
            continue
        value = raw[name]
        if value is None and field.nullable:
            values[field.attribute] = None
            continue
        if value is None and not field.required:
            continue
        if field.holds_many:
            require_few(name, value, most)
        try:
            if value is None:
                raise ValueError
            values[field.attribute] = field.convert(value)
        except _TooLongError:
            raise TooLarge(name, message=f"The parameter {name} may have at most {MAX_TEXT} characters.") from None
        except ValueError:
            raise Invalid(name, message=f"The parameter {name} has the wrong type.") from None
    return kind(**values)


def require_few(name: str, value: Any, most: int) -> None:
    """Raises TooLarge with the parameter's name if a list or map has more than `most` entries."""
    if _count(value) > most:
        raise TooLarge(name, message=f"The parameter {name} may have at most {most} entries. Send several requests.")


def _count(value: Any) -> int:
    """Count the entries of a list or map. An inner list counts as its entries, so an empty one costs nothing."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return 0
    return sum(_count(each) if isinstance(each, list | dict) else 1 for each in value)


def takes_many(kind: type[msgspec.Struct]) -> bool:
    """Return True if one of the parameters is a list or a map."""
    return any(field.holds_many for field in _fields(kind))


def takes_upload(kind: type[msgspec.Struct]) -> bool:
    """Return True if one of the parameters is a file."""
    return any(field.convert is _to_file for field in _fields(kind))


def takes_stored_upload(kind: type[msgspec.Struct]) -> bool:
    """Return True if one of the parameters is a file that is too large for the memory."""
    return any(field.convert is _to_stored_file for field in _fields(kind))


def parse_form(text: str) -> Raw:
    """Return the parameters of a query or form body. Names such as `a[]` and `a[k]` make lists and maps, as in PHP.

    Raises Invalid("body") if there are too many fields or if the text is not UTF-8.
    """
    if text.count("&") >= MAX_FIELDS:
        raise Invalid("body", message=f"A form may have at most {MAX_FIELDS} fields.")
    result: Raw = {}
    for field in text.split("&"):
        name, _, value = field.partition("=")
        if field:
            put_nested(result, _unquoted(name), _unquoted(value))
    return {key: listed(value) for key, value in result.items()}


def _unquoted(text: str) -> str:
    text = text.replace("+", " ")
    return text_of(unquote_to_bytes(text)) if "%" in text else text


def put_nested(result: Raw, key: str, value: Any) -> None:
    """Store the value under a key that may end with `[…]` parts."""
    head, bracket, rest = key.partition("[")
    if not bracket or not head or not rest.endswith("]"):
        result[key] = value
        return
    parts = rest[:-1].split("][")[:8]
    here: Any = result
    name = head
    for part in parts:
        inner = here.get(name)
        if not isinstance(inner, dict):
            inner = here[name] = _Numbered()
        here = inner
        name = part or str(len(here))
    here[name] = value


class _Numbered(dict[str, Any]):
    """A map made from `[…]` keys. `listed` turns it into a list if its keys count up from 0."""


def listed(value: Any) -> Any:
    """Return nested form values as lists and maps."""
    if not isinstance(value, dict):
        return value
    inner = {key: listed(item) for key, item in value.items()}
    if isinstance(value, _Numbered) and list(inner) == [str(number) for number in range(len(inner))]:
        return list(inner.values())
    return inner


def parse_json(body: bytes) -> Raw:
    """Return the parameters in a JSON object. A body that is not a JSON object has none, as in Nextcloud.

    Raises Invalid("body") if a text has a character that is not allowed.
    """
    try:
        value = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise Invalid("body", message=NOT_UTF8) from None
    except UNREADABLE:
        _require_no_half_pairs(body)
        return {}
    return value if isinstance(value, dict) else {}


def _require_no_half_pairs(body: bytes) -> None:
    """Raises Invalid("body") if msgspec cannot read the JSON because it has half of a surrogate pair."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    require_text({"body": value})


def text_of(content: bytes) -> str:
    """Decode a form or one of its fields. Raises Invalid("body") if it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Invalid("body", message=NOT_UTF8) from None


def require_text(raw: Raw) -> None:
    """Raises Invalid with the parameter's name if its name or value has a character that `is_text` forbids.

    Only this function refuses such characters. The edge calls it for every request, before any database access.
    """
    if len(raw) > MAX_FIELDS:
        raise Invalid("body", message=f"A request may have at most {MAX_FIELDS} values.")
    for name, value in raw.items():
        if isinstance(value, str) and is_text(value) and is_text(name):
            continue
        if not is_text(name) or not all(map(is_text, _texts_in(value))):
            reason = name if is_text(name) else "body"
            raise Invalid(reason, message="The request has a character that no text may have, for example NUL.")


def _texts_in(value: Any) -> Iterator[str]:
    """Yield every text inside a parameter's value, including keys and file names.

    Raises Invalid("body") for more than MAX_FIELDS values or MAX_DEPTH levels.
    """
    level, count, depth = [value], 0, 0
    while level:
        count, depth = count + len(level), depth + 1
        if count > MAX_FIELDS or depth > MAX_DEPTH:
            raise Invalid("body", message=f"A request may have at most {MAX_FIELDS} values and {MAX_DEPTH} levels.")
        inside: list[Any] = []
        for each in level:
            match each:
                case str():
                    yield each
                case dict():
                    inside += each.keys()
                    inside += each.values()
                case list():
                    inside += each
                case Upload(name, content_type):
                    inside += name, content_type
                case StoredUpload(name):
                    inside.append(name)
        level = inside
