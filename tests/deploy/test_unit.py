"""The unit for systemd: its limits do not keep talkd from its work."""

import subprocess
import sys
from pathlib import Path

import pytest

from support import sandbox
from support.parts import UNITS
from support.pictures import encoded, halves
from support.processes import TALKD, Process
from talkd.config import Config

UNIT = Path(__file__).parents[2] / "deploy" / "talkd.service"
PROGRAM = "/opt/talkd/bin/talkd"
UPLOAD = "/ocs/v2.php/apps/spreed/temp-user-avatar"
EXPOSURE = 20
"""The most that `systemd-analyze security` may find, in tenths. A unit without limits has 96."""


def sandboxed(unit: Path) -> tuple[str, ...]:
    """Return the command that runs a program within the limits of a unit. Skip the test if this machine cannot."""
    UNITS.find("systemd-analyze")
    command = (sys.executable, str(sandbox.__file__), str(unit))
    if subprocess.run((*command, "/bin/true"), check=False).returncode == sandbox.UNAVAILABLE:
        UNITS.skip()
    return command


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    analyze = UNITS.find("systemd-analyze")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))
    done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_calls_the_unit_well_limited() -> None:
    analyze = UNITS.find("systemd-analyze")
    command = [analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_server_within_the_limits_answers_and_makes_pictures(tmp_path: Path) -> None:
    program = [*sandboxed(UNIT), *TALKD]
    with Process(tmp_path / "data", program=program) as process:
        picture = encoded(halves((300, 300)), "PNG")
        answer = process.admin.post(UPLOAD, files={"files[]": ("me.png", picture, "image/png")})
        assert answer.status_code == 200, answer.text
        shown = process.admin.get("/index.php/avatar/admin/64")
        assert shown.status_code == 200
        assert shown.headers["x-nc-iscustomavatar"] == "1"
        assert "EPERM" not in process.output
        assert process.stop() == 0


def test_a_limit_that_excludes_what_talkd_needs_is_noticed(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("~@privileged", "~@privileged prlimit64"))
    program = [*sandboxed(unit), *TALKD]
    with (
        pytest.raises(AssertionError, match="the server has stopped by itself"),
        Process(tmp_path / "data", program=program),
    ):
        pass


def test_the_unit_starts_an_existing_command_in_its_own_folders() -> None:
    settings = sandbox.settings_of(UNIT)
    [command] = settings["ExecStart"]
    assert command == f"{PROGRAM} serve --config /etc/talkd.toml"
    assert settings["StateDirectory"] == settings["RuntimeDirectory"] == ["talkd"]
    assert settings["User"] == ["talkd"]
    assert int(settings["LimitNOFILE"][0]) > Config().server.max_connections
