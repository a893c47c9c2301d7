"""The container files: no root, no secrets, known versions, and everything that the build needs."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from support.deployment import DEPLOY, ROOT, load_settings, remove_database, run_tool
from support.processes import Process
from support.running import free_port

TALKD = DEPLOY / "Containerfile"
FILES = (TALKD, DEPLOY / "media" / "Containerfile")
ON_EACH = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DEPLOY)))


def instructions(file: Path) -> list[tuple[str, str]]:
    """Return the instructions of a container file with their arguments."""
    text = re.sub(r"^#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in text.splitlines()) if name]


def stages(file: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage by its name; the last one may have none."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for name, rest in instructions(file):
        if name == "FROM":
            current = found.setdefault(rest.partition(" AS ")[2], [])
        current.append((name, rest))
    return found


@ON_EACH
def test_hadolint_finds_no_fault(file: Path) -> None:
    run_tool("hadolint", file)


@ON_EACH
def test_images_have_a_base_of_a_known_version(file: Path) -> None:
    bases = [rest.partition(" AS ")[0] for name, rest in instructions(file) if name == "FROM"]
    foreign = [base for base in bases if base not in stages(file)]
    assert foreign
    for base in foreign:
        assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+|debian:[a-z]+-slim", base), base


@ON_EACH
def test_what_runs_is_not_root(file: Path) -> None:
    started = [stage for stage in stages(file).values() if "ENTRYPOINT" in dict(stage)]
    assert started
    for stage in started:
        names = [name for name, _ in stage]
        assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", dict(stage)["USER"])
        assert "RUN" not in names[names.index("USER") :]


@ON_EACH
def test_images_contain_no_secrets(file: Path) -> None:
    for name, rest in instructions(file):
        if name in ("ARG", "ENV"):
            assert not re.search("password|secret|token|key", rest, re.IGNORECASE), rest


def test_the_python_of_the_image_can_run_talkd() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = re.findall(r"FROM python:([\d.]+)", TALKD.read_text())
    assert len(set(versions)) == 1
    assert versions[0] in SpecifierSet(project["requires-python"])
    [extras] = re.findall(r'"\.\[(.*?)\]"', TALKD.read_text())
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_the_image_has_settings_that_exist() -> None:
    variables = re.findall(r"(TALKD_\w+)=(\S+)", dict(stages(TALKD)[""])["ENV"])
    config = load_settings(dict(variables))
    image = dict(stages(TALKD)[""])
    assert config.data == image["VOLUME"] == image["WORKDIR"]
    assert str(config.server.port) == image["EXPOSE"]
    assert config.server.host == "0.0.0.0"


def test_the_health_check_tells_whether_the_server_works(tmp_path: Path) -> None:
    check = dict(stages(TALKD)[""])["HEALTHCHECK"]
    program, *words = json.loads(check.partition(" CMD ")[2])
    assert program == "python"

    def status(port: int) -> int:
        command = [sys.executable, *(word.replace(":8080/", f":{port}/") for word in words)]
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode

    with Process(tmp_path / "data") as process:
        assert status(process.port) == 0
        remove_database(process)
        assert status(process.port) == 1
    assert status(free_port()) == 1


def test_the_context_of_the_build_is_enough_to_build_talkd(tmp_path: Path) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    context = tmp_path / "context"
    context.mkdir()
    for name in (line.removeprefix("!/") for line in lines if line.startswith("!/")):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, context / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        else:
            shutil.copy(ROOT / name, context / name)
    assert (context / "constraints.txt").exists()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    environment = os.environ | {"TALKD_WITHOUT_CLIENT": "1"}
    subprocess.run(command, cwd=context, env=environment, check=True, capture_output=True)
    assert list(tmp_path.glob("talkd-*.whl"))
