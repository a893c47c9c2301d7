"""Typed parameters from path, query, form, JSON and multipart, with the coercions that clients rely on.

Where the API says a number, anything numeric counts, and what is not a number is 0 (recordings `envelope/bodies`).
"""

import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from talkd.core.characters import is_text
from talkd.core.errors import Invalid, TooLarge

P = TypeVar("P", bound=msgspec.Struct)
Raw = dict[str, Any]

MAX_INTEGER = 2**62
"""Larger numbers count as this one, which both databases still know when something is added to it."""
MAX_FIELDS = 10_000
"""Values of a request at most, those inside others included."""
MAX_DEPTH = 32
"""How deep lists and maps may be inside each other."""
MAX_TEXT = 65_536
"""Characters of a parameter at most. Most have a lower limit of their own."""
NOT_UTF8 = "The request is not UTF-8."
_FALSE = {"", "0", "false"}


class NoParams(msgspec.Struct, frozen=True):
    """For operations that take nothing."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came in a multipart form."""

    name: str
    content_type: str
    content: bytes


def to_int(value: Any) -> int:
    """A whole number, the way PHP casts one."""
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
    """Return the truth of a value from JSON, a form or a query, the way PHP and OCS cast it.

    Every text but `""`, `0` and `false` is true; small-print.md also has `False`, as Python writes it.
    """
    if isinstance(value, str):
        return value.lower() not in _FALSE
    return bool(value)


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise OverflowError
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
    """A single value of any scalar type as text: config values may come as numbers."""
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


class Scalar(str):
    """Annotates a parameter that may be a text or a number and is taken as text."""

    __slots__ = ()


class LongText(str):
    """Annotates a parameter that may be as long as a request."""

    __slots__ = ()


_COERCIONS: dict[Any, Callable[[Any], Any]] = {
    int: to_int,
    bool: to_bool,
    str: _to_text,
    Scalar: _to_plain,
    LongText: _to_long_text,
    list[str]: _to_texts,
    list[int]: _to_numbers,
    dict[str, list[str]]: _to_text_lists,
    Upload: _to_file,
}


@cache
def _plan(kind: type[msgspec.Struct]) -> tuple[tuple[str, Callable[[Any], Any], bool, bool, bool], ...]:
    """For each field: wire name, coercion, whether it holds many, whether null is allowed, whether it must be there."""
    hints = typing.get_type_hints(kind)
    plan = []
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        nullable = False
        if isinstance(hint, types.UnionType):
            members = [member for member in typing.get_args(hint) if member is not type(None)]
            nullable = len(members) < len(typing.get_args(hint))
            hint = members[0]
        holds_many = typing.get_origin(hint) in (list, dict)
        plan.append((field.encode_name, _COERCIONS[hint], holds_many, nullable, field.required))
    return tuple(plan)


def convert(raw: Raw, kind: type[P], *, most: int = MAX_FIELDS) -> P:
    """Return the typed parameters; null is as good as absent.

    A list or map may have `most` entries, those of inner lists included. Raises Invalid or TooLarge with the
    parameter's name as the reason.
    """
    values: dict[str, Any] = {}
    for field, (name, coerce, holds_many, nullable, required) in zip(kind.__struct_fields__, _plan(kind), strict=True):
        if name not in raw:
            if required:
                raise Invalid(name, message=f"The parameter {name} is missing.")
            continue
        value = raw[name]
        if value is None and nullable:
            values[field] = None
            continue
        if value is None and not required:
            continue
        if holds_many:
            require_few(name, value, most)
        try:
            if value is None:
                raise ValueError
            values[field] = coerce(value)
        except OverflowError:
            raise TooLarge(name, message=f"The parameter {name} may have {MAX_TEXT} characters at most.") from None
        except ValueError:
            raise Invalid(name, message=f"The parameter {name} has the wrong type.") from None
    return kind(**values)


def require_few(name: str, value: Any, most: int) -> None:
    """Raises TooLarge with the parameter's name if a list or map has more than `most` entries."""
    if _count(value) > most:
        raise TooLarge(name, message=f"The parameter {name} may have {most} entries at most. Send several requests.")


def _count(value: Any) -> int:
    """Count the entries of a list or map. An inner list counts as its entries, so an empty one costs nothing."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return 0
    return sum(_count(each) if isinstance(each, list | dict) else 1 for each in value)


def takes_many(kind: type[msgspec.Struct]) -> bool:
    """Whether one of the parameters is a list or a map."""
    return any(holds_many for _, _, holds_many, *_ in _plan(kind))


def takes_upload(kind: type[msgspec.Struct]) -> bool:
    """Whether one of the parameters is a file."""
    return any(coerce is _to_file for _, coerce, *_ in _plan(kind))


def parse_form(text: str) -> Raw:
    """A query or form body; `a[]=1&a[]=2` and `a[k]=1` are nested the way PHP nests them.

    Raises Invalid("body") when there are too many fields or when something is not UTF-8.
    """
    result: Raw = {}
    try:
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError:
        raise Invalid("body", message=NOT_UTF8) from None
    except ValueError:
        raise Invalid("body", message=f"A form may have {MAX_FIELDS} fields at most.") from None
    for key, value in fields:
        put_nested(result, key, value)
    return {key: listed(value) for key, value in result.items()}


def put_nested(result: Raw, key: str, value: Any) -> None:
    """Store `value` under a key that may carry `[…]` parts."""
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
    """A nested form value: a map that `listed` turns into a list when its keys count up from 0."""


def listed(value: Any) -> Any:
    """Nested form values as the lists and maps they mean."""
    if not isinstance(value, dict):
        return value
    inner = {key: listed(item) for key, item in value.items()}
    if isinstance(value, _Numbered) and list(inner) == [str(number) for number in range(len(inner))]:
        return list(inner.values())
    return inner


def parse_json(body: bytes) -> Raw:
    """A JSON object; anything else counts as empty (recording `envelope/bodies`).

    Raises Invalid("body") for JSON with characters that no text may have.
    """
    try:
        value = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise Invalid("body", message=NOT_UTF8) from None
    except (msgspec.DecodeError, RecursionError):
        _require_no_half_pairs(body)
        return {}
    return value if isinstance(value, dict) else {}


def _require_no_half_pairs(body: bytes) -> None:
    """Raises Invalid("body") if only half of a surrogate pair makes the JSON unreadable for msgspec."""
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
    """Raises Invalid with the parameter's name if its name or value has a character that no text may have.

    This is the only place where such characters are refused. Every request passes it before it reaches the database.
    """
    if len(raw) > MAX_FIELDS:
        raise Invalid("body", message=f"A request has {MAX_FIELDS} values at most.")
    for name, value in raw.items():
        if isinstance(value, str) and is_text(value) and is_text(name):
            continue
        if not is_text(name) or not all(map(is_text, _texts_in(value))):
            reason = name if is_text(name) else "body"
            raise Invalid(reason, message="The request has a character that no text may have, for example NUL.")


def _texts_in(value: Any) -> Iterator[str]:
    """Yield every text inside a parameter's value, keys and the names of files included.

    Raises Invalid("body") for more than MAX_FIELDS values or MAX_DEPTH levels.
    """
    level, count, depth = [value], 0, 0
    while level:
        count, depth = count + len(level), depth + 1
        if count > MAX_FIELDS or depth > MAX_DEPTH:
            raise Invalid("body", message=f"A request has {MAX_FIELDS} values and {MAX_DEPTH} levels at most.")
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
        level = inside


def merge(*sources: Mapping[str, Any]) -> Raw:
    """Later sources win: query, then body, then path."""
    result: Raw = {}
    for source in sources:
        result.update(source)
    return result
