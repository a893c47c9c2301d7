"""What the files in `deploy/` say."""

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from support.processes import Process
from talkd import config_options
from talkd.config import Config, load, warnings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
_VARIABLE = re.compile(r"\$\{(\w+):\?[^}]*\}")


def read_yaml(path: Path) -> Any:
    """Return the only document of a YAML file."""
    return msgspec.yaml.decode(path.read_bytes())


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text of a compose file with the values of its variables."""
    return _VARIABLE.sub(lambda match: values[match[1]], text)


def variables_in(text: str) -> set[str]:
    """Return the names of the variables in a text of a compose file."""
    return set(_VARIABLE.findall(text))


def load_settings(environment: Mapping[str, str]) -> Config:
    """Return the settings in these variables, all of which must be settings."""
    known = {option.variable for option in config_options.list_options(Config())}
    assert set(environment) <= known
    assert warnings(environment) == []
    return load(None, environment)


def remove_database(process: Process) -> None:
    """Remove the file of a server's database, and wait until the server has noticed."""
    (process.folder / "talkd.db").unlink()
    until = time.monotonic() + 30
    while process.admin.get("/healthz").is_success:
        assert time.monotonic() < until
        time.sleep(0.05)


def run_tool(name: str, *words: str | Path) -> None:
    """Run a program of the environment of the tests, which must find no fault."""
    program = Path(sys.executable).with_name(name)
    done = subprocess.run([program, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
