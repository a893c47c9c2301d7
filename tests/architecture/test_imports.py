"""Which modules may import which (ARCHITECTURE.md)."""

import ast
import re
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PACKAGE = SOURCE / "talkd"
FILES = sorted(PACKAGE.rglob("*.py"))

LAYERS = {
    "core": ("core",),
    "storage": ("core", "storage"),
    "realtime": ("core", "conversation", "realtime"),
    "bus": ("core", "bus", "config_groups"),
    "conversation": ("core", "storage", "conversation"),
    "signaling": (
        "core",
        "storage",
        "conversation",
        "realtime",
        "bus",
        "web",
        "areas",
        "area",
        "signaling",
        "__version__",
    ),
    "web": ("core", "storage", "conversation", "realtime", "web", "config", "config_groups", "__version__"),
    "blobs": ("core", "blobs", "config"),
    "backups": ("core", "storage", "blobs", "backups", "__version__"),
    "load": ("core", "load", "__version__"),
}
CORE_MAY_USE = sys.stdlib_module_names | {"msgspec"}
DRIVERS_AND_SERVERS = ("falcon", "httptools", "asyncpg", "apsw", "sqlite3")
"""Packages that models, stores, services and views must not import."""
ROLES = ("model", "store", "service", "view", "routes", "legacy", "effects", "jobs")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Return the full names of everything that a file imports anywhere, outside of `if TYPE_CHECKING`."""
    tree = ast.parse(path.read_text())
    hidden: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            hidden.update(inner for inner in ast.walk(node) if inner is not node)
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def role_of(name: str) -> str:
    """Return the role of a file of an area, which may stand after a noun (`group_store.py`)."""
    return next((role for role in ROLES if name == role or name.endswith(f"_{role}")), "other")


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_layers(path: Path) -> None:
    layer = module_of(path).split(".")[1:2]
    if not layer or layer[0] not in LAYERS:
        return
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package == "talkd":
            assert rest.split(".")[0] in LAYERS[layer[0]], f"{layer[0]} must not know {name}"
        elif layer[0] == "core":
            assert package in CORE_MAY_USE, f"core is standard library and msgspec only, not {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "areas").rglob("*.py")), ids=module_of)
def test_areas(path: Path) -> None:
    parts = module_of(path).split(".")[2:]
    if len(parts) < 2:
        return
    area, role = parts[0], role_of(parts[1])
    for name in imports(path):
        package, *rest = name.split(".")
        if package != "talkd":
            if role in ("model", "store", "service", "view"):
                assert package not in DRIVERS_AND_SERVERS, f"{role} must not know {package}"
            assert package != "sqlalchemy" or role == "store", "SQL belongs into store.py"
            continue
        assert rest[0] not in ("app", "server", "cli", "dev", "logs"), f"areas must not know {name}"
        if role in ("model", "store", "service", "view"):
            assert rest[0] not in ("web", "area"), f"{role} must not know {name}"
        if rest[0] == "areas" and len(rest) > 2:
            other = role_of(rest[2])
            if role == "model":
                assert other == "model", f"a model knows models only, not {name}"
            if role == "store":
                assert other in ("model", "store"), f"a store must not know {name}"
            assert rest[1] == area or other != "store", f"call a service of {rest[1]} instead of importing {name}"
            if rest[1] != area and role in ("service", "view"):
                assert other not in ("routes", "jobs", "effects"), f"{role} must not know {name}"


def test_commands_call_services() -> None:
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        for name in imports(path):
            is_store = name.startswith("talkd.areas.") and "store" in map(role_of, name.split("."))
            assert not is_store, f"{path}: call a service instead of importing {name}"


def test_core_waits_for_nothing() -> None:
    for path in sorted((PACKAGE / "core").rglob("*.py")):
        awaits = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.AsyncFunctionDef)]
        assert not awaits, f"{path}: core is pure"


def lines_of_areas() -> dict[str, int]:
    """Return the line of each area in the block ```areas of ARCHITECTURE.md."""
    picture = re.search(r"```areas\n(.*?)```", (SOURCE.parent / "ARCHITECTURE.md").read_text(), re.DOTALL)
    assert picture is not None, "ARCHITECTURE.md has no block ```areas"
    lines: dict[str, int] = {}
    for number, line in enumerate(picture[1].splitlines()):
        for area in re.split(r"\s{3,}", line)[0].split():
            assert area not in lines, f"ARCHITECTURE.md names {area} twice"
            lines[area] = number
    return lines


def test_the_order_of_areas_names_every_area() -> None:
    folders = {path.parent.name for path in (PACKAGE / "areas").glob("*/__init__.py")}
    assert set(lines_of_areas()) == folders


@pytest.mark.parametrize("path", sorted((PACKAGE / "areas").glob("*/*.py")), ids=module_of)
def test_areas_import_only_lower_areas(path: Path) -> None:
    lines, area = lines_of_areas(), path.parent.name
    for name in imports(path):
        _, areas, other, *_ = [*name.split("."), "", "", ""]
        if areas == "areas" and other != area:
            assert lines[other] < lines[area], f"{area} must not know {name}: it stands in the same line or below"


def test_requests_to_other_servers_go_through_one_door() -> None:
    for path in FILES:
        name = module_of(path)
        if name != "talkd.web.outgoing" and not name.startswith("talkd.cli."):
            assert not {each for each in imports(path) if each.startswith(("urllib.request", "http.client"))}, name
