"""Print `docs/admin/settings.md`, which is made from the documentation in `config.py`. Run by `make docs`."""

import inspect

import msgspec

from talkd import config, config_options

INTRODUCTION = """# Settings

This page is made from `src/talkd/config.py` by `make docs`.

talkd reads its settings from a TOML file (`talkd serve --config FILE` or `TALKD_CONFIG`), from the environment, and
from command-line options; the later ones win. The environment variable of an option in a group is
`TALKD_<GROUP>_<OPTION>`. Lists are separated by commas there. Other variables that begin with `TALKD_` are not
settings: talkd ignores the ones that Kubernetes and Docker set for a service called `talkd`, and warns about names
that look like a misspelt setting. [In the browser](browser.md), administrators see all options with their values.
Settings of Talk that administrators change while the server runs (`talkd config`) are stored in the database instead.

```toml
data = "/var/lib/talkd"

[server]
port = 8080
public_url = "https://talk.example.org"
```
"""


def page() -> str:
    """Return the page. Raises ValueError for an option or group without documentation."""
    parts = [INTRODUCTION, "## Top level\n", *table(config.Config())]
    for field in config_options.groups():
        if not field.type.__doc__:
            raise ValueError(f"the group {field.name} has no documentation: describe its class in config.py")
        parts += [
            f"## [{field.name}]\n",
            f"{inspect.cleandoc(field.type.__doc__)}\n",
            *table(field.type(), field.name),
        ]
    return "\n".join(parts)


def table(group: msgspec.Struct, name: str = "") -> list[str]:
    """Return a table of the options of a group. Raises ValueError for an option without documentation."""
    rows = ["| option | default | environment | meaning |", "|---|---|---|---|"]
    for option in config_options.list_options_of(group, name):
        option_name = option.name.removeprefix(f"{name}.")
        rows.append(f"| `{option_name}` | `{option.default}` | `{option.variable}` | {option.meaning} |")
    return [*rows, ""]


if __name__ == "__main__":
    print(page(), end="")
