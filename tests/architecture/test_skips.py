"""Every skipped test belongs to a part that the end of the run names, with the reason."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import parts

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_every_skip_is_a_part(path: Path) -> None:
    if path == Path(parts.__file__):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            assert name not in ("pytest.skip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.importorskip"), (
                f"line {node.lineno}: declare what is missing as a Part in tests/support/parts.py, and skip by it"
            )


def test_the_end_of_a_run_names_what_was_skipped(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-n", "0", "tests/compat/test_recordings.py"]
    nowhere = os.environ | {"TALKD_CONFORMANCE": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    _, _, summary = done.stdout.partition("not tested on this machine")
    assert f"3 tests skipped: {parts.RECORDINGS.reason}\n" in summary, done.stdout
