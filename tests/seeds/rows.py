"""The form of a promise, and the checks that most of them need."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from seeds.scene import Scene

Check = Callable[[Scene], None]
Ask = Callable[[Scene], httpx.Response]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a seed. `says` is its promise in our words; `decided` how something ambiguous was understood."""

    line: int
    operation: str
    says: str
    check: Check
    decided: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """As a row, of the documents of 2018: they have the same text, as a page (000) and as its source (001)."""

    page: int | tuple[int, ...]
    source: int
    operation: str
    says: str
    check: Check
    decided: str = ""


def rows_of_page(promises: tuple[Promise, ...]) -> tuple[Row, ...]:
    """The rows of the page."""
    return tuple(
        Row(line, each.operation, each.says, each.check, each.decided)
        for each in promises
        for line in (each.page if isinstance(each.page, tuple) else (each.page,))
    )


def rows_of_source(promises: tuple[Promise, ...]) -> tuple[Row, ...]:
    """The rows of the source."""
    return tuple(Row(each.source, each.operation, each.says, each.check, each.decided) for each in promises)


def answers(status: int, ask: Ask) -> Check:
    """The operation, asked so, has this status."""

    def check(scene: Scene) -> None:
        answer = ask(scene)
        assert answer.status_code == status, answer.text

    return check


def carries(ask: Ask, name: str, kind: type, value: Any = ...) -> Check:
    """The data (of a list: each entry) has a field of this type, and of this value where one is given."""

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
    """What somebody asks in a room, both by their names in the scene. A parameter may be a function of the scene."""

    def ask(scene: Scene) -> httpx.Response:
        whole = path.format(token=getattr(scene, room))
        given = {name: value(scene) if callable(value) else value for name, value in params.items()}
        return scene.ask(getattr(scene, who), method, whole, **given)

    return ask


def is_refused_to_guests(method: str, path: str, **params: Any) -> Check:
    """404 for a visitor who is not in the public room, 403 for a guest, also for one who moderates; v1 to v3."""

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
    """404, and the same bytes, for a room that one is not in and for one that is not there."""

    def check(scene: Scene) -> None:
        there, nowhere = (of("stranger", method, path, room, **params)(scene) for room in ("group", "nowhere"))
        assert (there.status_code, nowhere.status_code) == (404, 404), there.text
        assert there.content == nowhere.content

    return check
