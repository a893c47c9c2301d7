"""A route calls one use case: at most one function of a service or store on each path through it (ARCHITECTURE.md)."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

AREAS = Path(__file__).parents[2] / "src" / "talkd" / "areas"
ROUTES = sorted(AREAS.glob("*/*routes.py"))


def services_in(tree: ast.Module) -> set[str]:
    """Return the names under which a module imports services and stores."""
    return {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if name.name.endswith(("service", "store"))
    }


def handlers_in(tree: ast.Module) -> Iterator[ast.AsyncFunctionDef]:
    """Yield the functions that are registered as operations."""
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and any(".add(" in ast.unparse(each) for each in node.decorator_list):
            yield node


def most_calls(body: Sequence[ast.stmt], services: set[str]) -> int:
    """Return how many functions of services are awaited on the path that awaits most of them."""
    if not body:
        return 0
    first, rest = body[0], list(body[1:])
    if isinstance(first, ast.If):
        then, otherwise = (
            most_calls([*branch, *rest] if not leaves(branch) else branch, services)
            for branch in (first.body, first.orelse)
        )
        return awaited(first.test, services) + max(then, otherwise)
    if isinstance(first, ast.Try):
        failed = (most_calls(handler.body, services) for handler in first.handlers)
        return max(most_calls([*first.body, *first.orelse, *first.finalbody, *rest], services), *failed)
    if isinstance(first, ast.With | ast.AsyncWith | ast.For | ast.AsyncFunctionDef):
        return most_calls([*first.body, *rest], services)
    return awaited(first, services) + most_calls(rest, services)


def leaves(body: Sequence[ast.stmt]) -> bool:
    """Return True if the statements end with `return` or `raise`."""
    return bool(body) and isinstance(body[-1], ast.Return | ast.Raise)


def awaited(node: ast.AST, services: set[str]) -> int:
    return sum(
        isinstance(each, ast.Await)
        and isinstance(each.value, ast.Call)
        and ast.unparse(each.value.func).split(".")[0] in services
        for each in ast.walk(node)
    )


@pytest.mark.parametrize("path", ROUTES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_routes_call_one_use_case(path: Path) -> None:
    tree = ast.parse(path.read_text())
    services = services_in(tree)
    for handler in handlers_in(tree):
        number = most_calls(handler.body, services)
        assert number <= 1, (
            f"{path}:{handler.lineno}: {handler.name} awaits {number} service functions: "
            "move what it does into one function of service.py"
        )


def test_the_calls_of_each_path_are_counted() -> None:
    body = ast.parse(
        "if await service.a():\n"
        "    return await service.b()\n"
        "try:\n"
        "    await service.c()\n"
        "except NotFound:\n"
        "    await other.d()\n"
    ).body
    assert most_calls(body, {"service"}) == 2
    assert most_calls(body[1:], {"service"}) == 1
