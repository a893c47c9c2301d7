"""The options of the configuration with their meanings, which are the texts below the fields in `config.py`."""

import ast
import functools
import inspect
from collections.abc import Iterator
from typing import Any

import msgspec

from talkd.config import SHORT_NAMES, Config
from talkd.conversation.setting_values import MASK
from talkd.environment import PREFIX

SECRETS = frozenset(
    {
        "admin_password",
        "bus.url",
        "calls.internal_secret",
        "calls.janus_secret",
        "calls.turn_secret",
        "database.direct_url",
        "database.replicas",
        "database.url",
        "mail.password",
    }
)
"""Options whose values are never shown."""


class Option(msgspec.Struct, frozen=True):
    """An option and its value. Texts of values are TOML."""

    name: str
    """The group and a dot in front, unless it has none."""
    shown: str
    """The value, or MASK in place of a secret."""
    default: str
    variable: str
    """The environment variable that sets it."""
    meaning: str


def list_options(config: Config) -> Iterator[Option]:
    """Yield all options, those without a group last."""
    for field in groups():
        yield from list_options_of(getattr(config, field.name), field.name)
    yield from list_options_of(config)


def groups() -> list[msgspec.structs.FieldInfo]:
    """Return the fields of the groups."""
    return [field for field in msgspec.structs.fields(Config) if _is_group(field)]


def list_options_of(group: msgspec.Struct, group_name: str = "") -> Iterator[Option]:
    """Yield the options of a group, or of the top level. Raises ValueError for an option without documentation."""
    meanings = _meanings_of(type(group))
    short_names = {path: name for name, path in SHORT_NAMES.items()}
    for field in msgspec.structs.fields(group):
        if _is_group(field):
            continue
        path = (group_name, field.name) if group_name else (field.name,)
        name = ".".join(path)
        if field.name not in meanings:
            raise ValueError(f"the setting {name} has no documentation: write a text below it in config.py")
        value = getattr(group, field.name)
        yield Option(
            name=name,
            shown=f'"{MASK}"' if value and name in SECRETS else _toml(value),
            default=_toml(field.default if field.default is not msgspec.NODEFAULT else field.default_factory()),
            variable=short_names.get(path) or PREFIX + "_".join(path).upper(),
            meaning=meanings[field.name],
        )


@functools.cache
def _meanings_of(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the text below each field."""
    (tree,) = ast.parse(inspect.getsource(struct)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = inspect.cleandoc(str(text.value.value)).replace("\n", " ")
    return found


def _is_group(field: msgspec.structs.FieldInfo) -> bool:
    return isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)


def _toml(value: Any) -> str:
    """Return a value in TOML. TOML and JSON write texts, numbers, booleans and lists of them in the same way."""
    return msgspec.json.encode(value).decode()
