"""The web client is built when talkd is installed: once for the same sources, and with words that say what to do."""

import importlib.util
import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HOOK = Path(__file__).parents[1] / "web-client" / "hatch_build.py"
NODE = "#!/bin/sh\necho {version}\n"
NPM = """#!/bin/sh
echo $* >> {log}
[ $1 = ci ] && mkdir -p node_modules
[ $1 = run ] && mkdir -p ../src/talkd/client && touch ../src/talkd/client/index.html
exit 0
"""
BROKEN = "#!/bin/sh\necho 'no such package'\nexit 1\n"


@pytest.fixture
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", HOOK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one source of a client."""
    (tmp_path / "web-client").mkdir()
    (tmp_path / "web-client" / "main.ts").write_text("1")
    (tmp_path / "web-client" / "package-lock.json").write_text("{}")
    return tmp_path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder with programs beside the system's shell."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("sh", "mkdir", "touch"):
        (folder / name).symlink_to(shutil.which(name) or "/bin/sh")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("TALKD_WITHOUT_CLIENT", raising=False)
    return folder


def add(programs: Path, name: str, text: str) -> None:
    (programs / name).write_text(text)
    (programs / name).chmod(0o755)


def hook(hooks: ModuleType, project: Path) -> Any:
    """Return the hook as hatchling makes it for a wheel."""
    from hatchling.bridge.app import Application

    return hooks.ClientBuildHook(str(project), {}, None, None, str(project), "wheel", Application())


def calls(project: Path) -> list[str]:
    log = project / "log"
    return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def with_node(project: Path, programs: Path) -> None:
    add(programs, "node", NODE.format(version="v22.12.0"))
    add(programs, "npm", NPM.format(log=project / "log"))


@pytest.mark.usefixtures("with_node")
def test_the_client_is_built_once_for_the_same_sources(hooks: ModuleType, project: Path) -> None:
    hook(hooks, project).initialize("standard", {})
    assert calls(project) == ["ci --ignore-scripts", "run build"]
    hook(hooks, project).initialize("editable", {})
    assert len(calls(project)) == 2
    (project / "web-client" / "main.ts").write_text("2")
    hook(hooks, project).initialize("editable", {})
    assert calls(project)[2:] == ["run build"]


def test_a_failed_build_says_why_and_what_to_do(hooks: ModuleType, project: Path, programs: Path) -> None:
    add(programs, "node", NODE.format(version="v22.12.0"))
    add(programs, "npm", BROKEN)
    with pytest.raises(
        SystemExit, match=r"(?s)`npm ci --ignore-scripts` failed.*no such package.*TALKD_WITHOUT_CLIENT=1"
    ):
        hook(hooks, project).initialize("standard", {})


@pytest.mark.parametrize("version", [None, "v18.20.0"])
def test_a_machine_without_a_new_node_gets_it_from_its_wheel(
    hooks: ModuleType, project: Path, programs: Path, version: str | None
) -> None:
    if version is not None:
        add(programs, "node", NODE.format(version=version))
        add(programs, "npm", BROKEN)
    assert hook(hooks, project).dependencies() == [hooks.NODE_WHEEL]


@pytest.mark.usefixtures("with_node")
def test_a_machine_with_node_needs_no_wheel(hooks: ModuleType, project: Path) -> None:
    assert hook(hooks, project).dependencies() == []


def test_the_server_alone_needs_no_node(
    hooks: ModuleType, project: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TALKD_WITHOUT_CLIENT", "1")
    assert hook(hooks, project).dependencies() == []
    hook(hooks, project).initialize("standard", {})
    assert not (project / "src").exists()
    assert programs.is_dir()
