"""Slashes inside names and ids in a path, as in `/avatar/guest/AC%2FDC/64`.

Clients encode such slashes. The HTTP server passes both the decoded and the encoded path, but some proxies have decoded
it before. Before routing, every slash that belongs to a name is replaced by a placeholder.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from urllib.parse import unquote

SLASH = "\ufdd0"
"""The placeholder: a code point that Unicode reserves for internal use, so no name has it."""
NAMES = frozenset({"user", "name", "user_id", "group_id"})
"""Parameters of paths with names or ids that users choose."""

_PARAMETER = re.compile(r"{(\w+)}")


class NamesInPaths:
    """Finds slashes that belong to names, using the route table.

    The first path that needs the patterns compiles them, because that takes a twentieth of the start.
    """

    def __init__(self, templates: Iterable[str]) -> None:
        named = {each for each in templates if NAMES & set(_PARAMETER.findall(each))}
        self._templates = sorted(named, key=_specificity)
        self._prefixes = tuple({each.partition("{")[0] for each in named})

    @cached_property
    def _exact(self) -> list[re.Pattern[str]]:
        return [_pattern(each, "[^/]+") for each in self._templates]

    @cached_property
    def _wide(self) -> list[re.Pattern[str]]:
        return [_pattern(each, ".+") for each in self._templates]

    def protect(self, path: str) -> str:
        """Return the decoded path with the placeholder for slashes that can only belong to a name."""
        if not path.startswith(self._prefixes) or any(exact.fullmatch(path) for exact in self._exact):
            return path
        found = next(filter(None, (wide.fullmatch(path) for wide in self._wide)), None)
        if found is None:
            return path
        start, end = found.span("name")
        return path[:start] + path[start:end].replace("/", SLASH) + path[end:]


def decoded(path: str, raw_path: bytes) -> str:
    """Return the decoded path with the placeholder for slashes that were encoded.

    `path` is the path as decoded by the HTTP server.
    """
    if b"%" not in raw_path or b"%2f" not in raw_path.lower():
        return path
    return "/".join(unquote(part.decode("latin-1")).replace("/", SLASH) for part in raw_path.split(b"/"))


def with_slashes(parameters: dict[str, str]) -> dict[str, str]:
    """Return the parameters of a path with slashes for the placeholders."""
    return {name: value.replace(SLASH, "/") for name, value in parameters.items()}


def _specificity(template: str) -> tuple[int, str]:
    """Sort key that puts routes with more fixed parts first."""
    return -sum("{" not in part for part in template.split("/")), template


def _pattern(template: str, name: str) -> re.Pattern[str]:
    """Return a pattern whose group `name` matches the name. Every other parameter is one part of the path."""
    parameters = {each: f"(?P<name>{name})" if each in NAMES else "[^/]+" for each in _PARAMETER.findall(template)}
    escaped = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(escaped.format(**parameters), re.DOTALL)
