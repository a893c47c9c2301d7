"""Finds what belongs to a path, by templates such as `/room/{token}` and `/files/{*path}`."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Router(Generic[T]):
    """A tree of the parts of paths. A part in braces is a parameter. With a star it is the last, and takes the rest.

    A fixed part precedes a parameter at the same place, unless the rest of the path only matches after the parameter.
    The rest of a path comes after both. It may be empty, and the slash before it may then be missing.
    """

    def __init__(self) -> None:
        self._found: T | None = None
        self._fixed: dict[str, Router[T]] = {}
        self._name = ""
        self._any: Router[T] | None = None
        self._rest: tuple[str, T] | None = None

    def add(self, template: str, found: T) -> None:
        """Add a template. Raises ValueError if another one names a parameter at the same place differently."""
        here = self
        for part in template.split("/"):
            if part.startswith("{*"):
                here._rest = part.strip("{*}"), found
                return
            if not part.startswith("{"):
                here = here._fixed.setdefault(part, Router())
                continue
            name = part.strip("{}")
            if here._any is None:
                here._name, here._any = name, Router()
            elif here._name != name:
                raise ValueError(f"{template}: the parameter {name} is called {here._name} in another template")
            here = here._any
        here._found = found

    def find(self, path: str) -> tuple[T, dict[str, str]] | None:
        """Return what belongs to the path, and the values of the parameters; or None."""
        return self._find(path.split("/"), 0, {})

    def _find(self, parts: list[str], at: int, values: dict[str, str]) -> tuple[T, dict[str, str]] | None:
        here, rest = self, None
        for place in range(at, len(parts)):
            part = parts[place]
            if here._rest is not None:
                rest = here._rest, place, {**values}
            fixed = here._fixed.get(part)
            if here._any is not None:
                found = None if fixed is None else fixed._find(parts, place + 1, {**values})
                if found is not None:
                    return found
                values[here._name] = part
                here = here._any
            elif fixed is not None:
                here = fixed
            else:
                return _with_rest(rest, parts)
        if here._rest is not None:
            rest = here._rest, len(parts), values
        return _with_rest(rest, parts) if here._found is None else (here._found, values)


def _with_rest(
    rest: tuple[tuple[str, T], int, dict[str, str]] | None, parts: list[str]
) -> tuple[T, dict[str, str]] | None:
    """Return what belongs to the rest of a path after some of its parts, if anything does."""
    if rest is None:
        return None
    (name, found), place, values = rest
    return found, {**values, name: "/".join(parts[place:])}
