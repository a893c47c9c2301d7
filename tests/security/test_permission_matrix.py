"""Every registered operation, called by everybody: what they get is compared with a reviewed list.

`pytest tests/security/test_permission_matrix.py --update-matrix` writes the list anew. Read every changed line:
a cell that turns from a refusal into 200 is a hole unless it was meant.
"""

import re
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from support.people import GROUP, PUBLIC
from support.running import PASSWORD, Server, unique
from talkd.app import ROUTES
from talkd.areas.users.model import ADMIN_GROUP
from talkd.web.params import Scalar, Upload
from talkd.web.routing import Kind, Route

SNAPSHOT = Path(__file__).parent / "permission_matrix.txt"
CALLERS = ("visitor", "stranger", "guest", "member", "moderator", "owner", "removed", "admin")
HEAD = """# The statuses of all callers and operations. test_permission_matrix.py --update-matrix writes this file.
#
# visitor: no login, not in the room    stranger: logged in, not in the room    guest: joined by link (public rooms)
# removed: was a member                 admin: administrator, not in the room   -: there is no such caller
# 403/x: refused with the reason x
"""
HEAD += f"{'operation':62} {'':6} {'room':6} " + " ".join(f"{name:18}" for name in CALLERS).rstrip() + "\n"
ELSEWHERE = 0
LABELS = {GROUP: "group", PUBLIC: "public", ELSEWHERE: "none"}
WAITS = {
    ("GET", f"/apps/spreed/api/{path}")
    for path in (
        "v1/signaling",
        "v1/signaling/{token}",
        "v2/signaling/{token}",
        "v3/signaling/{token}",
    )
}
"""Operations that wait if nothing is new. The callers poll once before."""

PARAMETERS: dict[str, Any] = {
    "roomType": GROUP,
    "roomName": "New name",
    "description": "New description",
    "state": 0,
    "level": 1,
    "flags": 7,
    "message": "Hello",
    "lookIntoFuture": 0,
    "timeout": 0,
    "setReadMarker": 0,
    "messages": "[]",
    "includeStatus": True,
    "displayName": "Guest name",
    "method": "set",
    "permissions": 254,
    "scope": 1,
    "search": "nobody at all",
    "itemType": "call",
    "itemId": "new",
    "app": "spreed",
    "question": "Where to?",
    "options": ["Sea", "Hills"],
    "resultMode": 0,
    "maxVotes": 1,
    "optionIds": [0],
    "reaction": "👍",
    "format": "csv",
    "size": 64,
    "name": "Guest",
    "requesttoken": "none",
    "limit": 5,
    "groupid": "nogroup",
}
OF_ROUTE: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/apps/spreed/api/v1/settings/user"): {"key": "play_sounds", "value": "yes"},
    ("POST", "/apps/provisioning_api/api/v1/config/users/{app}/{key}"): {"key": "play_sounds", "configValue": "yes"},
    ("DELETE", "/apps/provisioning_api/api/v1/config/users/{app}/{key}"): {"key": "play_sounds"},
    ("POST", "/apps/provisioning_api/api/v1/config/apps/{app}/{key}"): {"key": "max_call_duration", "value": "0"},
    ("DELETE", "/apps/provisioning_api/api/v1/config/apps/{app}/{key}"): {"key": "max_call_duration"},
    ("GET", "/apps/provisioning_api/api/v1/config/apps/{app}/{key}"): {"key": "max_call_duration"},
    ("PUT", "/cloud/users/{user_id}"): {"key": "displayname", "value": "New name"},
    ("PUT", "/cloud/groups/{group_id}"): {"key": "displayname", "value": "New name"},
    ("POST", "/apps/notifications/api/v2/notifications/exists"): {"ids": [1]},
    ("GET", "/apps/notifications/api/v2/notifications/{id}"): {"id": 2**40},  # a small id may be a caller's
    ("POST", "/login"): {"user": "nobody", "password": "wrong"},
}


class Cast:
    """The people in all scenes."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.owner, self.moderator, self.member, self.removed, self.stranger, self.newcomer = (
            server.add_user(name) for name in ("owner", "moderator", "member", "removed", "stranger", "newcomer")
        )
        self.admin = server.add_user("chief", groups=(ADMIN_GROUP,))  # not the shared administrator, who may have rooms
        self.visitor = server.visitor()
        self.renew()

    def renew(self) -> None:
        """Create new target users, because operations may remove them."""
        self.target = self.server.add_user("target")
        self.group = self.server.add_group(self.target)


class Scene:
    """A new room with all participants. The caller has joined it if possible."""

    def __init__(self, cast: Cast, kind: int, name: str) -> None:
        self.cast = cast
        people = [person.id for person in (cast.moderator, cast.member, cast.removed, cast.target)]
        self.token = cast.owner.create_room(kind, participants={"users": people})
        numbers = {each: shown["attendeeId"] for each, shown in cast.owner.participants(self.token).items()}
        self.attendee = numbers[cast.target.id]
        cast.owner.post(f"v4/room/{self.token}/moderators", attendeeId=numbers[cast.moderator.id])
        self.caller = cast.server.visitor() if name == "guest" else getattr(cast, name)
        if name in ("removed", "guest", "member", "moderator", "owner"):
            self.caller.join(self.token)
        cast.owner.delete(f"v4/room/{self.token}/attendees", attendeeId=numbers[cast.removed.id])

    def ask(self, *, draft: bool) -> int:
        """Create a poll of the owner. Return its id."""
        words = {name: PARAMETERS[name] for name in ("question", "options", "resultMode", "maxVotes")}
        number: int = self.cast.owner.post(f"v1/poll/{self.token}", **words, draft=draft)["id"]
        return number


def parameters_of(route: Route, scene: Scene) -> dict[str, Any]:
    """Return a valid value for every required parameter, and for those in the table above."""
    target, newcomer = scene.cast.target.id, scene.cast.newcomer.id
    own = {
        "token": scene.token,
        "room": scene.token,
        "attendeeId": scene.attendee,
        "newParticipant": newcomer,
        "user": target,
        "user_id": target,
        "group_id": scene.cast.group,
        "userid": unique("made"),
        "participant": target,
        "owner": scene.cast.owner.id,  # files: everybody asks for those of the owner
        "password": PASSWORD if route.path.startswith("/cloud") else "",
    }
    if "{messageId}" in route.path:
        own["messageId"] = scene.cast.owner.say(scene.token, "Hello")["id"]
    if (route.method, route.path) == ("DELETE", "/apps/spreed/api/v1/reaction/{token}/{messageId}"):
        scene.caller.request("POST", f"v1/reaction/{scene.token}/{own['messageId']}", reaction="👍")
    if route.path.endswith("/participants/guests"):
        joined = scene.cast.server.visitor().request("POST", f"v1/room/{scene.token}/participants/active")
        own["participant"] = joined.json()["ocs"]["data"]["sessionId"] if joined.is_success else "none"
    if "{pollId}" in route.path:
        own["pollId"] = scene.ask(draft="/draft/" in route.path)
    if route.path == "/cloud/groups":
        own["groupid"] = unique("made")
    known = {**PARAMETERS, **own, **OF_ROUTE.get((route.method, route.path), {})}
    values = {}
    for field in msgspec.structs.fields(route.params):
        name = field.encode_name
        if name in known:
            values[name] = known[name]
        elif field.required and field.type is not Upload:
            values[name] = "x" if field.type in (str, Scalar) else 1
    return values


def call(route: Route, scene: Scene) -> httpx.Response:
    """Send one request to the route."""
    values = parameters_of(route, scene)
    path = ("/ocs/v2.php" if route.kind is Kind.OCS else "") + route.path
    if "{token}" in path:
        values.setdefault("token", scene.token)
    for part, name in re.findall(r"(\{\*?(\w+)\})", path):
        path = path.replace(part, str(values.pop(name, "x") or "x"))
    if path.startswith("/remote.php/"):
        return scene.caller.http.request(route.method, path)
    if route.method == "GET":
        return scene.caller.http.request(route.method, path, params=values)
    return scene.caller.http.request(route.method, path, json=values)


def cell(answer: httpx.Response) -> str:
    """Return the status, with the reason of a refusal."""
    if answer.is_client_error and answer.content and "json" in answer.headers.get("content-type", ""):
        body = answer.json()
        data = body.get("ocs", {}).get("data") if isinstance(body, dict) else None
        code = body["ocs"]["meta"]["statuscode"] if isinstance(body, dict) and "ocs" in body else None
        error = data.get("error") if isinstance(data, dict) else None
        if error:
            return f"{answer.status_code}/{error['code'] if isinstance(error, dict) else error}"
        if code not in (None, answer.status_code):
            return f"{answer.status_code}/{code}"
    return str(answer.status_code)


def line(route: Route, kind: int, cast: Cast, scenes: dict[str, Scene]) -> str:
    """Return the line of a route: the statuses of all callers.

    `scenes` has the scene of each caller. It is used again after a refused operation, which may not change anything.
    """
    cells = []
    for name in CALLERS:
        if name == "guest" and kind != PUBLIC:
            cells.append("-")
            continue
        if route.path.startswith("/cloud") and route.method != "GET":
            cast.renew()
        if name not in scenes:
            scenes[name] = Scene(cast, kind or GROUP, name)
        scene = scenes[name]
        if (route.method, route.path) in WAITS and name in ("guest", "member", "moderator", "owner"):
            scene.caller.join(scene.token)  # a new session gets the list of sessions at once
        answer = call(route, scene)
        cells.append(cell(answer))
        if kind != ELSEWHERE and route.method != "GET" and not answer.is_client_error:
            del scenes[name]
    return f"{route.path:62} {route.method:6} {LABELS[kind]:6} " + " ".join(f"{each:18}" for each in cells).rstrip()


def key(text: str) -> tuple[str, ...]:
    """Return route, method and kind of room of a line."""
    return tuple(text.split()[:3])


@pytest.mark.parametrize("kind", [GROUP, PUBLIC, ELSEWHERE], ids=["group", "public", "elsewhere"])
def test_every_operation_for_every_caller(sqlite_server: Server, kind: int, request: pytest.FixtureRequest) -> None:
    cast = Cast(sqlite_server)
    scenes: dict[str, Scene] = {}
    lines = [line(route, kind, cast, scenes) for route in ROUTES if ("{token}" in route.path) is (kind != ELSEWHERE)]
    found = {key(each): each for each in lines}
    kept = {key(each): each for each in SNAPSHOT.read_text().splitlines()[len(HEAD.splitlines()) :]}
    if request.config.getoption("--update-matrix"):
        assert not hasattr(request.config, "workerinput"), "write the list without -n"
        kept = {name: each for name, each in kept.items() if name[2] != LABELS[kind]} | found
        SNAPSHOT.write_text(HEAD + "\n".join(sorted(kept.values())) + "\n")
    reviewed = {name: each for name, each in kept.items() if name[2] == LABELS[kind]}
    assert found.keys() == reviewed.keys(), "a new operation needs a reviewed line: run with --update-matrix"
    different = [f"- {reviewed[name]}\n+ {found[name]}" for name in found if found[name] != reviewed[name]]
    assert not different, "\n".join(different)
