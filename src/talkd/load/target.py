"""The server that is tested, and whether it is one that speaks this API."""

import ipaddress
from typing import Any, NamedTuple

from talkd.load.http import Address, Answer, Failed, Line, Login
from talkd.load.plan import Wrong

TALK = "/ocs/v2.php/apps/spreed/api"
CLOUD = "/ocs/v2.php/cloud"


class Target(NamedTuple):
    """A server that has answered."""

    name: str
    """The name of the installation."""
    version: str
    """The version of Talk that it says it has."""


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, as everybody writes it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_address(url: str, *, verify: bool) -> Address:
    """Return the address. Raises Wrong if it is none."""
    try:
        return Address(url, verify=verify)
    except ValueError as error:
        raise Wrong(f"{url} is no address of a server: write one like https://talk.example.org") from error


async def require_talk(address: Address, admin: Login) -> Target:
    """Return the server, if it speaks the API of Talk and the login is an administrator's. Raises Wrong."""
    line = Line(address, admin)
    try:
        answer = await line.ask("GET", f"{CLOUD}/capabilities")
        if answer.status in (401, 403):
            raise Wrong(f"the server does not take the password of {admin.user}")
        if answer.status == 429:
            raise Wrong("the server has seen too many wrong passwords from here; wait, or reset its count")
        found = _capabilities(answer)
        own = await line.ask("GET", f"{CLOUD}/user")
        if own.status in (401, 403):
            raise Wrong(f"the server does not take the password of {admin.user}")
        users = await line.ask("GET", f"{CLOUD}/users?limit=1")
        if users.status != 200:
            raise Wrong(f"{admin.user} is no administrator: they may not list accounts (status {users.status})")
    except Failed as error:
        raise Wrong(f"{address.name} does not answer as a server: {error}") from error
    finally:
        line.close()
    return found


def _capabilities(answer: Answer) -> Target:
    try:
        capabilities: dict[str, Any] = answer.data()["capabilities"]
        talk = capabilities["spreed"]
        name = capabilities.get("theming", {}).get("name", "")
    except (Failed, KeyError, TypeError, AttributeError) as error:
        raise Wrong(f"what answers there is neither talkd nor Talk (status {answer.status})") from error
    return Target(str(name), str(talk.get("version", "")))
