"""Find settings among the environment variables, and warn about misspelt ones.

Kubernetes and Docker set variables in every container that describe all services, and begin their names with the name
of the service. For a service called `talkd` or `talkd-server` they look like settings:
`TALKD_PORT=tcp://10.0.0.1:8080`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

PREFIX = "TALKD_"
OTHERS = frozenset({"TALKD_CONFIG", "TALKD_PASSWORD"})
"""Variables that commands read. They are not settings."""
SIMILARITY = 0.75
"""The similarity of two names from which one counts as a misspelling of the other; equal names have 1."""

_SERVICE_NAME = re.compile(
    r"_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO|START|END))?$|_ENV_"
)
_LINKED_CONTAINER = re.compile(r"/[\w.-]+/[\w.-]+")
_SERVICE_URL = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


def describes_service(name: str, value: str) -> bool:
    """Return True if the variable looks like one that Kubernetes or Docker sets to describe a service."""
    return bool(
        _SERVICE_NAME.search(name)
        or (name.endswith("_PORT") and _SERVICE_URL.match(value))
        or (name.endswith("_NAME") and _LINKED_CONTAINER.fullmatch(value))
    )


def settings_in(environment: Mapping[str, str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and value of every variable that is a setting. `known` holds the names of all settings."""
    for name, value in environment.items():
        if name in known and not describes_service(name, value):
            yield name, value


def misspelt_in(environment: Mapping[str, str], known: Collection[str], groups: Collection[str]) -> Iterator[str]:
    """Yield a warning for every variable that looks like a misspelt setting."""
    whole_names = {path.removeprefix(PREFIX): path for path in known}
    options = {name.partition("_")[2]: path for name, path in whole_names.items() if _group_of(name) in groups}
    options.pop("", None)
    meant = options | whole_names
    for name, value in environment.items():
        whole = name.upper()
        if not whole.startswith(PREFIX) or name in known or name in OTHERS or describes_service(whole, value):
            continue
        rest = whole.removeprefix(PREFIX)
        similar = get_close_matches(rest, meant, n=1, cutoff=SIMILARITY) or [
            name for name in whole_names if rest.startswith(f"{name}_")
        ]
        if similar:
            yield f"{name} is not a setting and changes nothing; did you mean {meant[similar[0]]}?"
        elif _group_of(rest) in groups:
            yield f"{name} is not a setting and changes nothing; docs/admin/settings.md lists all settings"


def _group_of(name: str) -> str:
    return name.partition("_")[0].lower()
