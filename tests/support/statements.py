"""The SQL statements of the package."""

import gc
import importlib
import pkgutil
import re

import talkd
from talkd.storage.queries import Query
from talkd.storage.statements import Statement


def statements() -> dict[str, Statement]:
    """Every statement of the package by module and name, found in whatever holds it there."""
    found: dict[str, Statement] = {}
    known: set[int] = set()

    def add(name: str, value: object) -> None:
        if isinstance(value, Statement):
            if id(value) not in known:
                known.add(id(value))
                found[name] = value
        elif isinstance(value, dict):
            for key, each in value.items():
                add(f"{name}[{key}]", each)
        elif isinstance(value, list | tuple):
            for place, each in enumerate(value):
                add(f"{name}[{place}]", each)

    for info in pkgutil.walk_packages(talkd.__path__, "talkd."):
        if ".migrations." not in info.name and not info.name.endswith(("__main__", ".dev")):
            module = importlib.import_module(info.name)
            for name, value in list(vars(module).items()):
                if not name.startswith("__"):
                    add(f"{info.name.removeprefix('talkd.')}.{name}", value)
    return found


STATEMENTS = statements()


def others() -> list[str]:
    """Statements that no module holds, but for example a function."""
    known = {id(statement) for statement in STATEMENTS.values()}
    made = [each for each in gc.get_objects() if type(each) in (Statement, Query)]
    texts = [str(each._clause) for each in made if id(each) not in known]
    return [text for text in texts if not re.search(r"\b(sqlite_sequence|pg_sequences)\b", text)]  # one database each
