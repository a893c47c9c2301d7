"""Sizes, names and docstrings of files."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
LIMIT = 500
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LIMIT, "split it into files with a noun before the role"
    assert path.stem not in FORBIDDEN, "name it after what it contains"
    assert path.parent.name not in FORBIDDEN
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "begin with a docstring that says what it contains"


def test_time_and_randomness_have_one_source() -> None:
    allowed = {"clock.py", "ids.py"}
    for path in SOURCES:
        if path.name in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
                assert not names & {"random", "secrets", "uuid"}, f"{path}: randomness comes from core.ids"
            if "areas" in path.parts and isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("time.time", "datetime.now", "datetime.utcnow"), f"{path}: time is core.clock's"
