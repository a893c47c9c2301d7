"""The envelope of the Open Collaboration Services."""

import xml.etree.ElementTree as ET
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkd.core import errors
from talkd.web import ocs


def as_json(data: Any, **options: Any) -> Any:
    return msgspec.json.decode(ocs.envelope(data, xml=False, **options))["ocs"]


def as_xml(data: Any, **options: Any) -> ET.Element:
    return ET.fromstring(ocs.envelope(data, xml=True, **options))


@pytest.mark.parametrize(
    ("version", "status", "meta"),
    [
        (2, 200, {"status": "ok", "statuscode": 200, "message": "OK"}),
        (2, 201, {"status": "ok", "statuscode": 201, "message": "OK"}),
        (2, 404, {"status": "failure", "statuscode": 404, "message": "why"}),
        (1, 200, {"status": "ok", "statuscode": 100, "message": "OK", "totalitems": "", "itemsperpage": ""}),
        (1, 201, {"status": "failure", "statuscode": 201, "message": "why", "totalitems": "", "itemsperpage": ""}),
        (1, 404, {"status": "failure", "statuscode": 404, "message": "why", "totalitems": "", "itemsperpage": ""}),
    ],
)
def test_the_meta_block_has_status_code_and_message(version: int, status: int, meta: dict[str, Any]) -> None:
    assert as_json({"a": 1}, status=status, version=version, message="why") == {"meta": meta, "data": {"a": 1}}


@pytest.mark.parametrize(("version", "status", "shown"), [(2, 404, 404), (1, 404, 200), (1, 401, 401), (1, 201, 200)])
def test_version_1_hides_the_status(version: int, status: int, shown: int) -> None:
    assert ocs.http_status(status, version) == shown


def test_data_as_xml() -> None:
    data = {
        "yes": True,
        "no": False,
        "none": None,
        "number": 5,
        "text": "a < b & c",
        "list": [1, {"x": "y"}],
        "empty": [],
    }
    root = as_xml(data, status=200, version=2).find("data")
    assert root is not None
    assert {child.tag: child.text for child in root if child.tag != "list"} == {
        "yes": "1",
        "no": None,
        "none": None,
        "number": "5",
        "text": "a < b & c",
        "empty": None,
    }
    elements = root.findall("list/element")
    assert (elements[0].text, elements[1].findtext("x")) == ("1", "y")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_all_data_becomes_well_formed_xml(data: Any) -> None:
    assert as_xml(data, status=200, version=2).find("meta/statuscode") is not None


@given(json_values)
def test_all_data_comes_back_from_json(data: Any) -> None:
    assert as_json(data, status=200, version=2)["data"] == data


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.Invalid("name"), 400, 400),
        (errors.NotAuthenticated(), 401, 997),
        (errors.Forbidden(), 403, 403),
        (errors.NotFound(), 404, 404),
        (errors.Conflict(), 409, 409),
        (errors.PreconditionFailed(), 412, 412),
        (errors.TooLarge("message"), 413, 413),
        (errors.Outdated(message="15.0.0"), 426, 426),
        (errors.Throttled(5), 429, 429),
        (errors.Rejected(102, "User already exists"), 400, 102),
        (errors.Rejected(998), 404, 998),
    ],
)
def test_errors_have_a_status_and_a_code(error: errors.TalkError, status: int, code: int) -> None:
    assert (ocs.status_of(error), ocs.code_of(error)) == (status, code)


def test_every_error_has_a_status() -> None:
    for kind in errors.TalkError.__subclasses__():
        if kind.__module__ == errors.__name__:
            assert kind in ocs.STATUS, kind
