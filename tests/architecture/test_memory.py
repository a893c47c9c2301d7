"""Everything that a process remembers has a row in docs/adr/0022-what-processes-remember.md, with a test."""

import re
from dataclasses import fields
from pathlib import Path

from talkd.config import Config
from talkd.server import App
from talkd.storage.database import Database

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adr" / "0022-what-processes-remember.md"
ROW = re.compile(r"^\| `(\w+)` \| (told|database|old|own) \| (.+) \| `([^`]+)` \|$", re.MULTILINE)


def list_parts(tmp_path: Path) -> set[str]:
    """Return the names of the classes of everything that a server keeps in memory, apart from its database."""
    config = Config()
    config.data = str(tmp_path)
    world = App(config).world
    kept = [getattr(world, each.name) for each in fields(world)]
    own = {type(each).__name__ for each in kept if type(each).__module__.startswith("talkd.")}
    no_parts = {"Config", *(kind.__name__ for kind in Database.__subclasses__())}
    return {kind.__name__ for kind in world.parts} | own - no_parts


def test_everything_that_a_process_remembers_has_a_row(tmp_path: Path) -> None:
    rows = {name for name, *_ in ROW.findall(PAGE.read_text())}
    parts = list_parts(tmp_path)
    assert not parts - rows, f"say in {PAGE.relative_to(ROOT)} what holds for these with several processes"
    assert not rows - parts, "these are not remembered any more: remove their rows"


def test_every_row_names_a_test_that_exists() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert rows
    assert not [test for *_, test in rows if not (ROOT / test).is_file()]
