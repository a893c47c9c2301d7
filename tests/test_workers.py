"""The process that starts the workers."""

import shutil
import sys
from pathlib import Path

import pytest

from talkd.cli.workers import Workers


def count_open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_worker_that_cannot_be_started_is_started_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers(1, [], [])
    [worker] = workers._workers
    before = count_open_files()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    assert workers._look(str(tmp_path)) == 0
    assert worker.process is None
    assert worker.pause > 0
    assert count_open_files() == before
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    worker.next_start = 0
    assert workers._look(str(tmp_path)) == 0
    assert worker.process is not None
    workers._stop()
