"""The form of a promise, and the checks that most promises use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from api_documents.scene import Scene

Check = Callable[[Scene], None]
Ask = Callable[[Scene], httpx.Response]


@dataclass(frozen=True, slots=True)
class Row:
    """A promise in one line of a document. `decided` explains how an ambiguous line was interpreted."""

    line: int
    operation: str
    says: str
    check: Check
    decided: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise of the document of 2018, with its line in the page and its line in the source of the page."""

    page: int | tuple[int, ...]
    source: int
    operation: str
    says: str
    check: Check
    decided: str = ""


def rows_of_page(promises: tuple[Promise, ...]) -> tuple[Row, ...]:
    """Return the rows of the page."""
    return tuple(
        Row(line, each.operation, each.says, each.check, each.decided)
        for each in promises
        for line in (each.page if isinstance(each.page, tuple) else (each.page,))
    )


def rows_of_source(promises: tuple[Promise, ...]) -> tuple[Row, ...]:
    """Return the rows of the source of the page."""
    return tuple(Row(each.source, each.operation, each.says, each.check, each.decided) for each in promises)


def answers(status: int, ask: Ask) -> Check:
    """Check that the request is answered with this status."""

    def check(scene: Scene) -> None:
        answer = ask(scene)
        assert answer.status_code == status, answer.text

    return check


def carries(ask: Ask, name: str, kind: type, value: Any = ...) -> Check:
    """Check that the data, or each entry of a list, has a field of this type and, if given, of this value."""

    def check(scene: Scene) -> None:
        answer = ask(scene)
        assert answer.is_success, answer.text
        data = answer.json()["ocs"]["data"]
        entries = data if isinstance(data, list) else [data]
        assert entries, "nothing to look at"
        for entry in entries:
            assert type(entry[name]) is kind, f"{name} is {entry[name]!r}"
            assert value is ... or entry[name] == value

    return check


def of(who: str, method: str, path: str, room: str = "group", **params: Any) -> Ask:
    """Return a request of a person in a room; both are attributes of the scene. A parameter may be a function of it."""

    def ask(scene: Scene) -> httpx.Response:
        whole = path.format(token=getattr(scene, room))
        given = {name: value(scene) if callable(value) else value for name, value in params.items()}
        return scene.ask(getattr(scene, who), method, whole, **given)

    return ask


def is_refused_to_guests(method: str, path: str, **params: Any) -> Check:
    """Check that v1 to v3 answer 404 to visitors outside the public room and 403 to guests, even guest moderators."""

    def check(scene: Scene) -> None:
        token = scene.public
        paths = [path.replace("v1/", f"{version}/", 1).format(token=token) for version in ("v1", "v2", "v3")]
        given = {name: value(scene) if callable(value) else value for name, value in params.items()}

        def statuses() -> set[int]:
            return {scene.visitor.status(method, each, **given) for each in paths}

        assert statuses() == {404}
        assert scene.guest
        assert statuses() == {403}
        scene.promote(scene.visitor, token)
        assert statuses() == {403}

    return check


def is_unknown(method: str, path: str, **params: Any) -> Check:
    """Check for 404, with the same bytes, in a room without the caller and in a room that does not exist."""

    def check(scene: Scene) -> None:
        there, nowhere = (of("stranger", method, path, room, **params)(scene) for room in ("group", "nowhere"))
        assert (there.status_code, nowhere.status_code) == (404, 404), there.text
        assert there.content == nowhere.content

    return check
