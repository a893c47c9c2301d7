"""Which variables of the environment are settings, which belong to others, and which are probably misspelt.

Kubernetes and Docker describe every service to every container, by variables that begin with the service's name.
Beside a service called `talkd` or `talkd-server` they look like settings: `TALKD_PORT=tcp://10.0.0.1:8080`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

PREFIX = "TALKD_"
OTHERS = frozenset({"TALKD_CONFIG", "TALKD_PASSWORD"})
"""Variables that commands read themselves."""
SIMILARITY = 0.75
"""How much of two names must be the same for one to be a misspelling of the other; 1 is everything."""

_OF_A_SERVICE = re.compile(
    r"_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO|START|END))?$|_ENV_"
)
_LINKED_NAME = re.compile(r"/[\w.-]+/[\w.-]+")
_LINK = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


def is_of_a_service(name: str, value: str) -> bool:
    """Return True if Kubernetes or Docker has set the variable to describe a service."""
    return bool(
        _OF_A_SERVICE.search(name)
        or (name.endswith("_PORT") and _LINK.match(value))
        or (name.endswith("_NAME") and _LINKED_NAME.fullmatch(value))
    )


def settings_in(environment: Mapping[str, str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield name and value of every variable that is a setting."""
    for name, value in environment.items():
        if name in known and not is_of_a_service(name, value):
            yield name, value


def misspelt_in(environment: Mapping[str, str], known: Collection[str], groups: Collection[str]) -> Iterator[str]:
    """Yield a sentence about every variable that somebody probably meant as a setting, but that is not one."""
    whole_names = {path.removeprefix(PREFIX): path for path in known}
    options = {name.partition("_")[2]: path for name, path in whole_names.items() if _group_of(name) in groups}
    options.pop("", None)
    meant = options | whole_names
    for name, value in environment.items():
        whole = name.upper()
        if not whole.startswith(PREFIX) or name in known or name in OTHERS or is_of_a_service(whole, value):
            continue
        rest = whole.removeprefix(PREFIX)
        similar = get_close_matches(rest, meant, n=1, cutoff=SIMILARITY) or [
            name for name in whole_names if rest.startswith(f"{name}_")
        ]
        if similar:
            yield f"{name} is not a setting and changes nothing; did you mean {meant[similar[0]]}?"
        elif _group_of(rest) in groups:
            yield f"{name} is not a setting and changes nothing; docs/admin/settings.md lists all that there are"


def _group_of(name: str) -> str:
    return name.partition("_")[0].lower()
