"""Slashes inside the names and ids that stand in a path.

Clients encode them, as in `/avatar/guest/AC%2FDC/64`. HTTP servers hand over the path decoded, with the encoded form
beside it; some proxies decode before that. Routing sees a stand-in for every slash that belongs to a name.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

STAND_IN = "\ufdd0"
"""A code point that Unicode reserves for use inside a program: no name has it."""
NAMES = frozenset({"user", "name", "user_id", "group_id"})
"""Parameters of paths that people choose."""

_PARAMETER = re.compile(r"{(\w+)}")


class NamesInPaths:
    """Recognises the slashes of names, by the route table."""

    def __init__(self, templates: Iterable[str]) -> None:
        wide = sorted({each for each in templates if NAMES & set(_PARAMETER.findall(each))}, key=_specificity)
        self._prefixes = tuple({each.partition("{")[0] for each in wide})
        self._exact = [_pattern(each, "[^/]+") for each in wide]
        self._wide = [_pattern(each, ".+") for each in wide]

    def protect(self, path: str) -> str:
        """Return the decoded path with the stand-in for slashes that can only belong to a name."""
        if not path.startswith(self._prefixes) or any(exact.fullmatch(path) for exact in self._exact):
            return path
        found = next(filter(None, (wide.fullmatch(path) for wide in self._wide)), None)
        if found is None:
            return path
        start, end = found.span("name")
        return path[:start] + path[start:end].replace("/", STAND_IN) + path[end:]


def decoded(path: str, raw_path: bytes) -> str:
    """Return the decoded path with the stand-in for slashes that were encoded.

    `path` is what the HTTP server has decoded itself.
    """
    if b"%" not in raw_path or b"%2f" not in raw_path.lower():
        return path
    return "/".join(unquote(part.decode("latin-1")).replace("/", STAND_IN) for part in raw_path.split(b"/"))


def with_slashes(parameters: dict[str, str]) -> dict[str, str]:
    """Return the parameters of a path as the client meant them."""
    return {name: value.replace(STAND_IN, "/") for name, value in parameters.items()}


def _specificity(template: str) -> tuple[int, str]:
    """Routes with more fixed words come first."""
    return -sum("{" not in part for part in template.split("/")), template


def _pattern(template: str, name: str) -> re.Pattern[str]:
    """Return a pattern with the group `name` for the chosen name; every other parameter is one part of the path."""
    parameters = {each: f"(?P<name>{name})" if each in NAMES else "[^/]+" for each in _PARAMETER.findall(template)}
    escaped = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(escaped.format(**parameters), re.DOTALL)
