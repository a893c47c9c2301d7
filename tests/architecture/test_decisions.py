"""Nothing is forgotten: each event, setting, system message and file of an area has the entry that it needs elsewhere.

Each failure names what lacks the entry, and the file and line where the entry belongs.
"""

import ast
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from talkd import app, config, config_options
from talkd.area import Job
from talkd.areas.invitations import effects as invitation_effects
from talkd.areas.messages import effects as message_effects
from talkd.areas.messages import system_texts
from talkd.conversation.reaction import REMOVED
from talkd.conversation.setting_values import CORE_SETTINGS, SETTINGS, default_of
from talkd.core import events
from talkd.realtime import wakeups
from talkd.web.routing import Routes

ROOT = Path(__file__).parents[2]
AREAS = ROOT / "src" / "talkd" / "areas"
EVENTS = [kind for kind in events.list_kinds(events.Event) if not kind.__subclasses__()]


def line_of(module: ModuleType, start: str) -> str:
    """Return file and number of the line that begins with a text."""
    path = Path(inspect.getfile(module))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith(start):
            return f"{path.relative_to(ROOT)}:{number}"
    raise AssertionError(f"{path} has no line that begins with {start}")


def modules_of(role: str) -> list[ModuleType]:
    """Import all files of a role, such as `chat/routes.py` and `chat/change_routes.py` for `routes`."""
    paths = [*AREAS.glob(f"*/{role}.py"), *AREAS.glob(f"*/*_{role}.py")]
    return [importlib.import_module(f"talkd.areas.{path.parent.name}.{path.stem}") for path in sorted(paths)]


# --- events -----------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_is_reported_or_not(kind: type[events.Event]) -> None:
    reported, silent = kind in message_effects.REPORTS, kind in message_effects.NOT_REPORTED
    assert reported != silent, (
        f"decide whether {kind.__name__} posts a system message: add it to REPORTED "
        f"({line_of(system_texts, 'REPORTED')}), to REPORTS ({line_of(message_effects, 'REPORTS')}), "
        f"or to NOT_REPORTED ({line_of(message_effects, 'NOT_REPORTED')})"
    )


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_wakes_somebody_or_nobody(kind: type[events.Event]) -> None:
    wakes, silent = kind in wakeups.WAKES, kind in wakeups.WAKES_NOBODY
    is_reported = kind in message_effects.REPORTS  # then the system message wakes
    assert wakes != silent or (is_reported and not silent), (
        f"decide whom {kind.__name__} wakes: add it to WAKES ({line_of(wakeups, 'WAKES:')}) "
        f"or to WAKES_NOBODY ({line_of(wakeups, 'WAKES_NOBODY')})"
    )


def _choices(argument: ast.expr) -> list[ast.AST]:
    """Return what an argument can be: itself, or both sides of a condition. A text with placeholders is skipped."""
    return [] if isinstance(argument, ast.JoinedStr) else [argument, *ast.iter_child_nodes(argument)]


def names_of_system_messages() -> set[str]:
    """Return the names that are literals in calls of `post_system`. In the table `REPORTED`, each name has its text."""
    found: set[str] = set()
    for path in AREAS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "post_system":
                choices = [value for each in node.args for value in _choices(each)]
                found |= {str(each.value) for each in choices if isinstance(each, ast.Constant) and each.value}
    return found


@pytest.mark.parametrize("name", sorted(names_of_system_messages()))
def test_every_system_message_has_a_text(name: str) -> None:
    known = {*system_texts._BY_ACTOR, *system_texts._BY_ACTOR_TO_USER, *system_texts.ONE_TO_ONE_CALLS, REMOVED}
    assert name in known, f"add the text of {name} to _BY_ACTOR ({line_of(system_texts, '_BY_ACTOR =')})"


# --- areas ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "module", [*modules_of("routes"), *modules_of("legacy_routes")], ids=lambda each: each.__name__
)
def test_routes_are_in_the_table_of_areas(module: ModuleType) -> None:
    offered = [table for area in app.AREAS.values() for table in area.routes]
    for name, table in vars(module).items():
        if isinstance(table, Routes) and not name.startswith("_"):
            assert any(table is each for each in offered), (
                f"{module.__name__}.{name} is in no area of AREAS ({line_of(app, 'AREAS')}): its routes do not exist"
            )


@pytest.mark.parametrize("module", modules_of("jobs"), ids=lambda each: each.__name__)
def test_jobs_are_in_the_table_of_areas(module: ModuleType) -> None:
    for job in module.JOBS:
        assert isinstance(job, Job)
        assert job in app.JOBS, f"{module.__name__} is in no area of AREAS ({line_of(app, 'AREAS')}): it never runs"


def test_jobs_have_different_names() -> None:
    names = [job.name for job in app.JOBS]
    assert len(names) == len(set(names)), names


@pytest.mark.parametrize("module", modules_of("effects"), ids=lambda each: each.__name__)
def test_effects_are_registered(module: ModuleType) -> None:
    known = app.open_database(config.Config(data="unused")).reactions
    if module is not invitation_effects:  # whose table depends on the settings
        for kind, reaction in getattr(module, "REACTIONS", {}).items():
            assert reaction in known.get(kind, ()), (
                f"{module.__name__}.REACTIONS is not in the order of effects: add it to `db.react` in "
                f"{line_of(app, 'def open_database')}"
            )
    for name in ("AFTER_COMMIT", "AT_ORIGIN"):
        if hasattr(module, name):
            assert any(getattr(area, name.lower()) is getattr(module, name) for area in app.AREAS.values()), (
                f"{module.__name__}.{name} is in no area of AREAS ({line_of(app, 'AREAS')})"
            )


# --- settings ---------------------------------------------------------------------------------
def test_every_option_of_the_configuration_is_documented() -> None:
    undocumented = []
    for struct in (config.Config, *(field.type for field in msgspec.structs.fields(config.Config))):
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            source = inspect.getsource(struct)
            for field in msgspec.structs.fields(struct):
                is_group = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
                if not is_group and not re.search(rf'^    {field.name}: [^\n]*\n    """', source, re.MULTILINE):
                    undocumented.append(f"{field.name} ({line_of(config, f'class {struct.__name__}')})")
    assert not undocumented, f"write a docstring below these options, then run `make docs`: {', '.join(undocumented)}"


def test_options_that_are_secrets_are_masked() -> None:
    options = list(config_options.list_options(config.Config()))
    texts = [each for each in options if each.default.startswith(('"', "["))]
    about = {each.name for each in texts if re.search("secret|password", f"{each.name} {each.meaning}", re.IGNORECASE)}
    assert about == config_options.SECRETS, f"add it to SECRETS ({line_of(config_options, 'SECRETS')})"


def test_every_setting_of_talk_is_documented() -> None:
    page = ROOT / "docs" / "admin" / "users.md"
    listed = re.findall(r"^\| `([\w.]+)` \|", page.read_text(), re.MULTILINE)
    known = {*SETTINGS, *CORE_SETTINGS}
    assert not known - set(listed), f"add a row to the table of settings in {page.relative_to(ROOT)}"
    assert not set(listed) - known, f"{page.relative_to(ROOT)} lists settings that do not exist"
    assert len(listed) == len(known), f"{page.relative_to(ROOT)} lists a setting twice"


def test_the_documented_defaults_of_settings_are_right() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.*?) ?\|", (ROOT / "docs" / "admin" / "users.md").read_text(), re.MULTILINE)
    forms = {**SETTINGS, **CORE_SETTINGS}
    documented = {key: "" if shown == "all" or shown.startswith("`calls.") else shown for key, shown in rows}
    assert documented == {key: default_of(key, form) for key, form in forms.items()}
