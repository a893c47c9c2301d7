"""Prints `docs/api/versions.md`, made from the route table: `make docs`."""

import re

from talkd.app import ROUTES
from talkd.web.routing import Route

INTRODUCTION = """# Operations and versions

This page is made from the route table by `make docs`. All versions are served at the same time, on the same data:
[clients of all times](old-clients.md) tells how.

An operation is at `/ocs/v2.php/apps/spreed/api/<version>/<path>`. ● is today's form, ○ a form of the version's own:
other parameters, other fields or other status codes.
"""
VERSIONS = ("v1", "v2", "v3", "v4")
HEAD = ("| path | method | v1 | v2 | v3 | v4 |", "|---|---|:-:|:-:|:-:|:-:|")
_PATH = re.compile(r"/apps/spreed/api/(v\d)/(.+)")

Table = dict[tuple[str, str], dict[str, Route]]


def operations() -> dict[str, Table]:
    """By tag, by path and method: the route of each version."""
    found: dict[str, Table] = {}
    for route in ROUTES:
        match = _PATH.fullmatch(route.path)
        if match is not None:
            version, path = match.groups()
            found.setdefault(route.tag, {}).setdefault((path, route.method), {})[version] = route
    return found


def form(route: Route | None) -> str:
    """How a version has an operation, as a sign."""
    if route is None:
        return ""
    is_translated = route.reads or route.answers or route.refuses
    return "○" if is_translated or route.handler.__module__.endswith("legacy_routes") else "●"


def page() -> str:
    """The whole page."""
    lines = [INTRODUCTION]
    for tag, table in sorted(operations().items()):
        lines += [f"## {tag.capitalize()}", "", *HEAD]
        for (path, method), routes in sorted(table.items()):
            cells = " | ".join(form(routes.get(version)) for version in VERSIONS)
            lines.append(f"| `{path}` | {method} | {cells} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
