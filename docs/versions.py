"""Print `docs/api/versions.md`, which is made from the route table. Run by `make docs`."""

import re

from talkd.app import ROUTES
from talkd.web.routing import Route

INTRODUCTION = """# Operations and versions

This page is made from the route table by `make docs`. The server answers all versions at the same time, on the same
data; see [old clients](old-clients.md).

The URL of an operation is `/ocs/v2.php/apps/spreed/api/<version>/<path>`. ● means that it works as in the newest
version. ○ means that this version has its own parameters, fields or status codes.
"""
VERSIONS = ("v1", "v2", "v3", "v4")
HEAD = ("| path | method | v1 | v2 | v3 | v4 |", "|---|---|:-:|:-:|:-:|:-:|")
_PATH = re.compile(r"/apps/spreed/api/(v\d)/(.+)")

Table = dict[tuple[str, str], dict[str, Route]]


def operations() -> dict[str, Table]:
    """Return the route of each version, by tag, then by path and method."""
    found: dict[str, Table] = {}
    for route in ROUTES:
        match = _PATH.fullmatch(route.path)
        if match is not None:
            version, path = match.groups()
            found.setdefault(route.tag, {}).setdefault((path, route.method), {})[version] = route
    return found


def sign(route: Route | None) -> str:
    """Return the sign for the form that an operation has in a version."""
    if route is None:
        return ""
    is_translated = route.reads or route.answers or route.refuses
    return "○" if is_translated or route.handler.__module__.endswith("legacy_routes") else "●"


def page() -> str:
    """Return the page."""
    lines = [INTRODUCTION]
    for tag, table in sorted(operations().items()):
        lines += [f"## {tag.capitalize()}", "", *HEAD]
        for (path, method), routes in sorted(table.items()):
            cells = " | ".join(sign(routes.get(version)) for version in VERSIONS)
            lines.append(f"| `{path}` | {method} | {cells} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
