"""A path with an id or token of a wrong form is an unknown address: 404 for every operation and caller."""

import re

import pytest

from support.people import Person
from support.running import Server
from talkd.app import ROUTES
from talkd.web.ocs import UNKNOWN_ROUTE
from talkd.web.routing import Kind, Route

FORMED = [route for route in ROUTES if route.kind is Kind.OCS and route.path_forms()]
WRONG = {"token": ("ABC", "a-b-c-d", "abc", "x" * 31, "töken"), "": ("abc", "-1", "1.5", "1e3", "٣", "0x1")}


def addresses(route: Route) -> list[str]:
    """Return the route's address with each parameter in a wrong form in turn."""
    names, forms = re.findall(r"\{(\w+)\}", route.path), route.path_forms()
    right = {name: "abcd2345" if name == "token" else "1" for name in names}
    made = []
    for name in forms:
        for value in WRONG.get(name, WRONG[""]):
            path = route.path
            for each in names:
                path = path.replace(f"{{{each}}}", value if each == name else right[each])
            made.append(path)
    return made


@pytest.fixture
def people(sqlite_server: Server) -> list[Person]:
    return [sqlite_server.add_user("alice"), sqlite_server.visitor()]


def test_ids_of_a_wrong_form_get_404(people: list[Person]) -> None:
    assert len(FORMED) > 150
    for route in FORMED:
        for path in addresses(route):
            for person in people:
                answer = person.request(route.method, f"/ocs/v2.php{path}")
                assert answer.status_code == 404, (route.method, path)
                assert answer.json()["ocs"]["meta"]["message"] == UNKNOWN_ROUTE, (route.method, path)


def test_no_messages_are_found_by_an_id_of_a_wrong_form(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    alice.say(token, "Hello")
    assert alice.status("GET", f"v1/chat/{token}/abc/context") == 404
    assert alice.status("GET", f"v1/chat/{token}/{10**30}/context") in (200, 304)
