"""The wheel is complete: installed into an empty environment, talkd runs.

The environment has only the wheel and its dependencies, linked from the environment of the tests. So the test fails if
the wheel lacks a file, or if `pyproject.toml` lacks a dependency.
"""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from support.processes import Process, environment_with
from talkd import __version__

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
WHEEL = f"talkd-{__version__}-py3-none-any.whl"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command without the settings of this machine, check that it succeeds, and return its output."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TALKD_", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def source_files() -> set[str]:
    """Return the files of the package by their paths in a wheel."""
    return {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "talkd").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def packaged_files(wheel: Path) -> set[str]:
    """Return the files of the package in a wheel."""
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def requirements_of(wheel: Path) -> list[str]:
    """Return the requirements of a wheel."""
    [found] = metadata.distributions(name="talkd", path=[str(wheel)])
    return found.requires or []


def distributions_for(lines: list[str]) -> set[str]:
    """Return the names of the installed distributions that the requirements need, directly or indirectly."""
    found: set[tuple[str, frozenset[str]]] = set()
    todo = [(line, frozenset[str]()) for line in lines]
    while todo:
        line, extras = todo.pop()
        wanted = Requirement(line)
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            continue
        key = (wanted.name, frozenset(wanted.extras))
        if key not in found:
            found.add(key)
            todo.extend((needed, key[1]) for needed in metadata.requires(wanted.name) or [])
    return {name for name, _ in found}


def link_distribution(name: str, folder: Path) -> None:
    """Make an installed distribution importable from a folder, with links."""
    distribution = metadata.distribution(name)
    for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}:
        target = folder / top
        if not target.exists():
            target.symlink_to(Path(str(distribution.locate_file(top))))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results of `make wheel`."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder)
    return folder


@pytest.fixture
def clean_python(built: Path, tmp_path: Path) -> Path:
    """The Python of a new environment that has the wheel and its dependencies."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "clean")
    python = tmp_path / "clean" / "bin" / "python"
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for name in distributions_for(requirements_of(built / WHEEL)):
        link_distribution(name, packages)
    # Without an index, pip refuses a wheel whose requirements are not installed.
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", built / WHEEL, cwd=tmp_path)
    return python


def test_the_wheel_has_every_file_of_the_package(built: Path) -> None:
    assert packaged_files(built / WHEEL) == source_files()


def test_the_sdist_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    name = f"talkd-{__version__}"
    with tarfile.open(built / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=tmp_path / name)
    assert packaged_files(tmp_path / WHEEL) == source_files()


def test_a_server_runs_from_the_installed_wheel(clean_python: Path, tmp_path: Path) -> None:
    place = run(clean_python, "-c", "import talkd; print(talkd.__file__)", cwd=tmp_path)
    assert place.startswith(str(tmp_path)), f"talkd comes from {place}, not from the wheel"
    program = clean_python.with_name("talkd")
    settings = environment_with({"FILES_STORAGE": "s3://contents"})
    refused = subprocess.run(
        [program, "serve"], cwd=tmp_path, env=settings, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert refused.stderr == 'talkd: files.storage needs an extra: pip install "talkd[s3]"\n'
    assert run(program, "version", cwd=tmp_path) == f"talkd {__version__}\n"
    with Process(tmp_path, program=[program]) as process:
        assert (process.admin.get("/healthz")).json()["version"] == __version__
        for path, shown in (("/login", "<form"), ("/", "<svg")):
            page = process.admin.get(path, headers={"Accept": "text/html"})
            assert page.status_code == 200, page.text
            assert shown in page.text
        assert (process.admin.get("/static/logo.svg")).status_code == 200
        client = re.search(r'src="(/client/[^"]+\.js)"', process.admin.get("/call/abcd2345").text)
        assert client is not None
        assert process.admin.get(client[1]).status_code == 200
