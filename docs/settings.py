"""Print `docs/admin/settings.md`, which is made from the documentation in `config.py`. Run by `make docs`."""

import ast
import inspect
from typing import Any

import msgspec

from talkd import config
from talkd.environment import PREFIX

INTRODUCTION = """# Settings

This page is made from `src/talkd/config.py` by `make docs`.

talkd reads its settings from a TOML file (`talkd serve --config FILE` or `TALKD_CONFIG`), from the environment, and
from command-line options; the later ones win. The environment variable of an option in a group is
`TALKD_<GROUP>_<OPTION>`. Lists are separated by commas there. Other variables that begin with `TALKD_` are not
settings: talkd ignores the ones that Kubernetes and Docker set for a service called `talkd`, and warns about names
that look like a misspelt setting. Settings of Talk that administrators change while the server runs (`talkd config`)
are stored in the database instead.

```toml
data = "/var/lib/talkd"

[server]
port = 8080
public_url = "https://talk.example.org"
```
"""


def documentation(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the text below each field."""
    (tree,) = ast.parse(inspect.getsource(struct)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = inspect.cleandoc(str(text.value.value)).replace("\n", " ")
    return found


def page() -> str:
    """Return the page. Raises ValueError for an option or group without documentation."""
    parts = [INTRODUCTION, "## Top level\n", *table(config.Config)]
    for field in msgspec.structs.fields(config.Config):
        if is_group(field):
            if not field.type.__doc__:
                raise ValueError(f"the group {field.name} has no documentation: describe its class in config.py")
            parts += [
                f"## [{field.name}]\n",
                f"{inspect.cleandoc(field.type.__doc__)}\n",
                *table(field.type, field.name),
            ]
    return "\n".join(parts)


def table(struct: type[msgspec.Struct], group: str = "") -> list[str]:
    """Return a table of the options of a group. Raises ValueError for an option without documentation."""
    texts = documentation(struct)
    short_names = {path: name for name, path in config.SHORT_NAMES.items()}
    rows = ["| option | default | environment | meaning |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(struct):
        if is_group(field):
            continue
        path = (group, field.name) if group else (field.name,)
        if field.name not in texts:
            raise ValueError(f"the setting {'.'.join(path)} has no documentation: write a text below it in config.py")
        variable = short_names.get(path) or PREFIX + "_".join(path).upper()
        rows.append(f"| `{field.name}` | `{default_of(field)}` | `{variable}` | {texts[field.name]} |")
    return [*rows, ""]


def is_group(field: msgspec.structs.FieldInfo) -> bool:
    """Return True if the field is a group of options."""
    return isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """Return the default in TOML. TOML and JSON write texts, numbers, booleans and lists of them in the same way."""
    value: Any = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.encode(value).decode()


if __name__ == "__main__":
    print(page(), end="")
