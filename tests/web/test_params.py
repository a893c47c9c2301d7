"""Conversion of the parameters that clients send."""

import contextlib
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkd.core.errors import Invalid
from talkd.web import params
from talkd.web.params import MAX_INTEGER, Scalar


class Everything(msgspec.Struct, frozen=True):
    text: str = ""
    number: int = 0
    flag: bool = False
    plain: Scalar = Scalar("")
    maybe: int | None = None
    texts: list[str] = []
    numbers: list[int] = []
    lists: dict[str, list[str]] = {}


class Needs(msgspec.Struct, frozen=True):
    text: str


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([f.name for f in msgspec.structs.fields(Everything)]), anything))
def test_any_value_is_converted_or_refused(raw: dict[str, Any]) -> None:
    try:
        got = params.convert(raw, Everything)
    except Invalid as error:
        assert error.reason in raw  # noqa: PT017 - only some inputs are refused
        return
    assert isinstance(got.text, str)
    assert isinstance(got.number, int)
    assert isinstance(got.flag, bool)
    assert all(isinstance(each, str) for each in got.texts)
    assert all(isinstance(each, int) for each in got.numbers)


@given(anything)
def test_numbers_fit_into_the_database(value: Any) -> None:
    assert abs(params.to_int(value)) <= MAX_INTEGER


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("5", 5),
        (" 5 ", 5),
        ("5x", 5),
        ("-3", -3),
        ("+3", 3),
        ("x", 0),
        ("", 0),
        ("-", 0),
        (True, 1),
        (2.9, 2),
        (math.inf, 0),
        (math.nan, 0),
        ([], 0),
        ([1], 1),
        ("9" * 40, MAX_INTEGER),
        (-(10**30), -MAX_INTEGER),
        ("٣", 0),
    ],
)
def test_conversion_to_numbers(value: Any, number: int) -> None:
    assert params.to_int(value) == number


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True),
        (1, True),
        ("1", True),
        ("true", True),
        ("True", True),
        ("yes", True),
        (False, False),
        (0, False),
        ("0", False),
        ("false", False),
        ("FALSE", False),
        ("", False),
        ("no", True),
        ("off", True),
        ("2", True),
        (" ", True),
        ("0.0", True),
        ("00", True),
        ("null", True),
        ("-1", True),
        (0.0, False),
        ([], False),
        (["x"], True),
    ],
)
def test_conversion_to_booleans(value: Any, truth: bool) -> None:
    assert params.to_bool(value) is truth


def test_the_error_names_a_missing_parameter() -> None:
    with pytest.raises(Invalid) as refused:
        params.convert({}, Needs)
    assert refused.value.reason == "text"
    with pytest.raises(Invalid):
        params.convert({"text": None}, Needs)


def test_null_counts_as_absent_for_optional_parameters() -> None:
    nulls = dict.fromkeys(field.name for field in msgspec.structs.fields(Everything))
    assert params.convert(nulls, Everything) == Everything()


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": "2"}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[0]=1&a[1]=2", {"a": ["1", "2"]}),
        ("a[x]=1&a[y]=2", {"a": {"x": "1", "y": "2"}}),
        ("a[x][]=1&a[x][]=2", {"a": {"x": ["1", "2"]}}),
        ("a%5B%5D=1", {"a": ["1"]}),
        ("a=%C3%A4+b", {"a": "ä b"}),
        ("a=", {"a": ""}),
        ("", {}),
        ("a[=1", {"a[": "1"}),
        ("[a]=1", {"[a]": "1"}),
    ],
)
def test_names_in_forms_make_lists_and_maps(form: str, values: dict[str, Any]) -> None:
    assert params.parse_form(form) == values


@given(st.text(alphabet="ab[]=&%0123+ä", max_size=60))
def test_any_form_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Invalid):
        assert isinstance(params.parse_form(text), dict)


@given(st.binary(max_size=60))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(Invalid):
        assert isinstance(params.parse_json(body), dict)


def test_json_that_is_too_deep_counts_as_empty() -> None:
    assert params.parse_json(b"[" * 100_000) == {}
    assert params.parse_json(b'{"a":' * 100_000) == {}
    assert isinstance(params.parse_form("a" + "[x]" * 10_000 + "=1"), dict)
