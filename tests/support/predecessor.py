"""The source of an older talkd, from the history of the checkout."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from support.parts import HISTORY
from talkd.storage.migrate import MIGRATIONS, REVISIONS

ROOT = Path(__file__).parents[2]
Texts = tuple[str, str | None, str | None]
"""The name of a statement, and its text for SQLite and for PostgreSQL; None if that database never gets it."""
_LIST = """
import json
from support.statements import STATEMENTS

def is_for_postgres(name, statement):
    return name.startswith("storage.postgres") or type(statement).__name__ == "Together"

def sqlite(statement):
    return statement.for_sqlite({"stamp": 0})[0]

def postgres(statement):
    return statement.compile_postgres()[0]

print(json.dumps({name: (None if is_for_postgres(name, each) else sqlite(each),
    None if name.startswith("storage.sqlite") else postgres(each)) for name, each in STATEMENTS.items()}))
"""


class Predecessor:
    """The last talkd of a revision, before there was the next migration, in a folder of its own."""

    def __init__(self, folder: Path, revision: str) -> None:
        """Write the source into the folder. Skips the running test if the history is not there."""
        self.source = folder / "src"
        following = REVISIONS[REVISIONS.index(revision) + 1]
        (newer,) = (MIGRATIONS / "versions").glob(f"{following}_*.py")
        added = _git("log", "--diff-filter=A", "--format=%H", "--", str(newer.relative_to(ROOT)))
        commit = f"{added.split()[-1]}^" if added.strip() else "HEAD"  # it may not be committed yet
        archive = _git_bytes("archive", "--format=tar", commit, "src")
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
        assert max(path.name[:4] for path in self.source.rglob("versions/[0-9]*.py")) == revision

    @property
    def program(self) -> tuple[str, ...]:
        """The command that runs it."""
        return ("env", f"PYTHONPATH={self.source}", sys.executable, "-m", "talkd")

    def list_statements(self) -> Iterator[Texts]:
        """Yield the name of each of its statements, with the text for SQLite and for PostgreSQL."""
        paths = os.environ | {"PYTHONPATH": os.pathsep.join((str(self.source), str(ROOT / "tests")))}
        done = subprocess.run([sys.executable, "-c", _LIST], env=paths, check=True, capture_output=True, timeout=120)
        for name, (sqlite, postgres) in json.loads(done.stdout).items():
            yield name, sqlite, postgres


def _git(*words: str) -> str:
    return _git_bytes(*words).decode()


def _git_bytes(*words: str) -> bytes:
    """Return what git answers. Skips the running test if there is no git or no history."""
    try:
        # The checkout may belong to another user, as in a container.
        command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), *words]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    except (OSError, subprocess.CalledProcessError):
        HISTORY.skip()
