"""Browsers that are logged in."""

import re

import httpx

from support.people import Person
from support.running import PASSWORD, Server


def log_in(server: Server, person: Person) -> httpx.Client:
    """Log a person in by the form. Return their browser."""
    browser = server.client()
    page = browser.get("/login", headers={"Accept": "text/html"})
    found = re.search(r'name="requesttoken" value="([^"]+)"', page.text)
    assert found is not None
    form = {"user": person.id, "password": PASSWORD, "requesttoken": found[1]}
    assert browser.post("/login", data=form).status_code == 303
    return browser
