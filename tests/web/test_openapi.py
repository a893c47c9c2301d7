"""The OpenAPI documents of all operations and of each API version."""

import json
from typing import Any

import pytest
import schemathesis
from click.testing import CliRunner

from talkd.app import ROUTES
from talkd.cli.root import app
from talkd.web.openapi import METHODS, document

APIS = ("", "v1", "v2", "v3", "v4")
"""All operations, and each version."""


def printed(api: str) -> dict[str, Any]:
    """Return the output of `talkd openapi`."""
    made = CliRunner().invoke(app, ["openapi", "--api", api] if api else ["openapi"])
    assert made.exit_code == 0, made.output
    described: dict[str, Any] = json.loads(made.output)
    return described


@pytest.mark.parametrize("api", APIS)
def test_the_document_has_exactly_the_operations_of_the_route_table(api: str) -> None:
    wanted = {
        (route.method, route.path.replace("{*", "{"))
        for route in ROUTES
        if (f"/apps/spreed/api/{api}/" in route.path or not api) and route.method in METHODS
    }
    found = [
        (method.upper(), path.removeprefix("/ocs/v2.php"))
        for path, operations in printed(api)["paths"].items()
        for method in operations
    ]
    assert len(found) == len(set(found)) == len(wanted) > 2
    assert set(found) == wanted


def test_only_methods_of_webdav_are_left_out() -> None:
    assert {route.method for route in ROUTES} - METHODS == {
        "COPY", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "SEARCH"
    }  # fmt: skip


@pytest.mark.parametrize("api", APIS)
def test_the_document_is_valid(api: str) -> None:
    described = printed(api)
    schemathesis.openapi.from_dict(described).validate()
    text = json.dumps(described, separators=(",", ":"))
    names = set(described["components"]["schemas"])
    for part in text.split('"$ref":"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in names
    numbers = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(numbers) == len(set(numbers))


def test_the_document_describes_both_forms_of_chat_messages() -> None:
    got = document(ROUTES)["paths"]["/ocs/v2.php/apps/spreed/api/v1/chat/{token}"]["get"]
    envelope: dict[str, Any] = got["responses"]["2XX"]["content"]["application/json"]["schema"]
    forms = envelope["properties"]["ocs"]["properties"]["data"]["anyOf"]
    assert [form["items"]["$ref"].rpartition("/")[2] for form in forms] == ["MessageView", "OldMessageView"]
    assert {"offset", "notOlderThanTimestamp", "lookIntoFuture"} <= {each["name"] for each in got["parameters"]}
