"""`talkd doctor` on the storage of files and the scanner."""

import json
import tempfile
from pathlib import Path

import pytest

from support.commands import run_talkd
from support.running import free_port
from support.s3 import KEYS, running_s3
from support.scanner import running_scanner
from support.storages import folder_of
from talkd.config import Config


def findings(folder: Path, **settings: str) -> dict[str, tuple[str, str]]:
    """Return state and text of what the doctor finds, by subject."""
    done = run_talkd("doctor", "--json", "--data", str(folder), **settings)
    return {each["subject"]: (each["state"], each["found"]) for each in json.loads(done.stdout)}


def test_the_folder_of_files_is_not_created_by_the_doctor(tmp_path: Path) -> None:
    folder = folder_of(Config(data=str(tmp_path)))
    assert findings(tmp_path)["files"] == ("ok", "no folder for them yet; the first upload creates it")
    assert not folder.exists()
    folder.mkdir()
    assert findings(tmp_path)["files"] == ("ok", f"{folder} is writable")
    assert not list(folder.iterdir())


def test_a_folder_of_files_that_is_none_is_found(tmp_path: Path) -> None:
    folder_of(Config(data=str(tmp_path))).write_bytes(b"")
    state, found = findings(tmp_path)["files"]
    assert (state, "cannot write in" in found) == ("fail", True)


def test_space_on_another_disk_is_checked(tmp_path: Path) -> None:
    assert "disk of files" not in findings(tmp_path)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        folder_of(Config(data=str(tmp_path))).symlink_to(other)
        found = findings(tmp_path)
    assert found["files"] == ("ok", f"{other} is writable")
    assert "GiB free" in found["disk of files"][1]


def test_contents_are_stored_and_deleted_on_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with running_s3() as s3:
        assert findings(tmp_path, FILES_STORAGE=s3.url("talkd"))["files"] == ("ok", "S3 stores and returns contents")
        assert not s3.list_objects("talkd")
        wrong = f"s3://nowhere/talkd?endpoint={s3.endpoint}"
        assert findings(tmp_path, FILES_STORAGE=wrong)["files"] == ("fail", "the S3 storage failed: NoSuchBucket")


def test_a_scanner_that_answers_and_one_that_does_not(tmp_path: Path) -> None:
    with running_scanner() as scanner:
        assert findings(tmp_path, FILES_SCANNER=scanner.address)["scanner"] == ("ok", f"{scanner.address} checks files")
    gone = f"127.0.0.1:{free_port()}"
    assert findings(tmp_path, FILES_SCANNER=gone)["scanner"] == ("fail", f"{gone} does not check files")
    assert "scanner" not in findings(tmp_path)
