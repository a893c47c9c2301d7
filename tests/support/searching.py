"""Requests of the unified search."""

from typing import Any

from support.people import Person

PROVIDERS = "/ocs/v2.php/search/providers"


def results(person: Person, term: str, provider: str = "talk-message", /, **params: Any) -> dict[str, Any]:
    """Return a page of results."""
    page: dict[str, Any] = person.get(f"{PROVIDERS}/{provider}/search", term=term, **params)
    return page


def found(person: Person, term: str, provider: str = "talk-message", /, **params: Any) -> list[str]:
    """Return the texts of the messages found."""
    return [entry["subline"] for entry in results(person, term, provider, **{"limit": 25, **params})["entries"]]


def found_rooms(person: Person, term: str, /, **params: Any) -> list[str]:
    """Return the names of the rooms found."""
    return [entry["title"] for entry in results(person, term, "talk-conversations", **params)["entries"]]
