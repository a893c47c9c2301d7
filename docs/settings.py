"""Prints `docs/admin/settings.md`, made from the settings' own documentation: `make docs`."""

import ast
import inspect
from typing import Any

import msgspec

from talkd import config

INTRODUCTION = """# Settings

This page is made from `src/talkd/config.py` by `make docs`.

Settings come from a TOML file (`talkd serve --config FILE` or `TALKD_CONFIG`), from the environment, and from
options of the command line; later ones win. In the environment an option of a group is `TALKD_<GROUP>_<OPTION>`;
lists are separated by commas. Other variables that begin with `TALKD_` are not settings: those that Kubernetes and
Docker set for a service called `talkd` change nothing, and talkd warns of names that are nearly a setting's. What
administrators of Talk change while the server runs (`talkd config`) is kept in the database instead.

```toml
data = "/var/lib/talkd"

[server]
port = 8080
public_url = "https://talk.example.org"
```
"""


def documentation(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The text below each field."""
    (tree,) = ast.parse(inspect.getsource(struct)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = inspect.cleandoc(str(text.value.value)).replace("\n", " ")
    return found


def page() -> str:
    """The whole page."""
    short = {path: name for name, path in config._SHORT.items()}
    parts = [INTRODUCTION, "## Top level\n", *_table(config.Config, (), short)]
    for field in msgspec.structs.fields(config.Config):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            parts += [f"## [{field.name}]\n", f"{inspect.getdoc(field.type)}\n"]
            parts += _table(field.type, (field.name,), short)
    return "\n".join(parts)


def _table(struct: type[msgspec.Struct], group: tuple[str, ...], short: dict[tuple[str, ...], str]) -> list[str]:
    texts = documentation(struct)
    rows = ["| option | default | environment | meaning |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(struct):
        if field.name not in texts:
            continue
        path = (*group, field.name)
        name = short.get(path) or "TALKD_" + "_".join(path).upper()
        rows.append(f"| `{field.name}` | `{_default(field)}` | `{name}` | {texts[field.name]} |")
    return [*rows, ""]


def _default(field: msgspec.structs.FieldInfo) -> str:
    """The default as TOML writes it, which is as JSON does for texts, numbers, truth and lists of them."""
    value: Any = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.encode(value).decode()


if __name__ == "__main__":
    print(page(), end="")
