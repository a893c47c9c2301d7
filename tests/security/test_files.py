"""Every door to a file, for every kind of caller."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from support.files import Files, send
from support.people import GROUP, PUBLIC, Person
from support.running import Server, unique

SHARES = "/ocs/v2.php/apps/files_sharing/api/v1/shares"
ALLOWED_GROUPS = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/allowed_groups"
FIND = (
    '<d:searchrequest xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:basicsearch><d:select><d:prop><d:displayname/>'
    "</d:prop></d:select><d:from><d:scope><d:href>/files/x</d:href></d:scope></d:from><d:where><d:eq><d:prop><oc:fileid/>"
    "</d:prop><d:literal>{}</d:literal></d:eq></d:where></d:basicsearch></d:searchrequest>"
)
PROPERTIES = ("d:getetag", "oc:fileid", "oc:size")


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(file, "PNG")
    return file.getvalue()


Door = Callable[[Person, dict[str, str]], bool]
"""Tries to get something of a file. Returns True if anything came."""


def _link(person: Person, file: dict[str, str]) -> bool:
    return person.http.get(f"/f/{file['id']}").status_code == 200


def _download(person: Person, file: dict[str, str]) -> bool:
    return person.http.get(f"/index.php/f/{file['id']}?download=1").status_code == 200


def _part(person: Person, file: dict[str, str]) -> bool:
    return person.http.get(f"/f/{file['id']}", headers={"Range": "bytes=0-0"}).status_code == 206


def _known(person: Person, file: dict[str, str]) -> bool:
    """Whether the caller learns that the file has this tag."""
    return person.http.get(f"/f/{file['id']}", headers={"If-None-Match": f'"{file["etag"]}"'}).status_code == 304


def _any_version(person: Person, file: dict[str, str]) -> bool:
    return person.http.get(f"/f/{file['id']}", headers={"If-None-Match": "*"}).status_code == 304


def _head(person: Person, file: dict[str, str]) -> bool:
    return person.http.head(f"/f/{file['id']}").status_code == 200


def _preview(person: Person, file: dict[str, str]) -> bool:
    return person.http.get(f"/index.php/core/preview?fileId={file['id']}&x=64&y=64&a=1").status_code == 200


def _preview_of_path(person: Person, file: dict[str, str]) -> bool:
    return person.http.get(f"/core/preview.png?file=/{quote(file['path'])}&x=64&y=64").status_code == 200


def _dav(person: Person, file: dict[str, str]) -> bool:
    return Files(person).status("GET", "/" + file["path"]) == 200


def _dav_properties(person: Person, file: dict[str, str]) -> bool:
    return Files(person).status("PROPFIND", "/" + file["path"], Depth="0") == 207


def _dav_search(person: Person, file: dict[str, str]) -> bool:
    answer = person.http.request("SEARCH", "/remote.php/dav/", content=FIND.format(file["id"]))
    return answer.status_code == 207 and "href" in answer.text


FOR_GUESTS: dict[str, Door] = {
    "link": _link,
    "download": _download,
    "part": _part,
    "known tag": _known,
    "any tag": _any_version,
    "head": _head,
    "preview": _preview,
}
FOR_USERS: dict[str, Door] = {
    **FOR_GUESTS,
    "preview of path": _preview_of_path,
    "WebDAV": _dav,
    "WebDAV properties": _dav_properties,
    "WebDAV search": _dav_search,
}


def open_to(person: Person, file: dict[str, str]) -> set[str]:
    """Return the doors through which the caller gets something of the file."""
    return {name for name, door in FOR_USERS.items() if door(person, file)}


@pytest.fixture
def room(server: Server, alice: Person, bob: Person) -> str:
    token = alice.create_room(PUBLIC, password="")
    alice.add(token, bob)
    return token


@pytest.fixture
def file(alice: Person, room: str) -> dict[str, str]:
    found: dict[str, str] = send(alice, room, picture(), "pic.png")["messageParameters"]["file"]
    return found


def test_members_find_every_door_open(alice: Person, bob: Person, file: dict[str, str]) -> None:
    assert open_to(alice, file) == set(FOR_USERS)
    assert open_to(bob, file) == set(FOR_USERS)


def test_strangers_find_every_door_closed(server: Server, alice: Person, file: dict[str, str]) -> None:
    mallory, visitor = server.add_user("mallory"), server.visitor()
    assert open_to(mallory, file) == set()
    assert {name for name, door in FOR_GUESTS.items() if door(visitor, file)} == set()
    mallory.create_room(GROUP)
    Files(mallory).put("/own", b"1")
    assert open_to(mallory, file) == set(), "being in another room changes nothing"


def test_a_guest_finds_doors_open_from_joining_to_leaving(server: Server, file: dict[str, str], room: str) -> None:
    guest = server.visitor()
    doors = FOR_GUESTS.values()
    assert not any(door(guest, file) for door in doors)
    guest.join(room)
    assert all(door(guest, file) for door in doors)
    guest.delete(f"v4/room/{room}/participants/active")
    assert not any(door(guest, file) for door in doors)


def test_a_guest_without_the_password_gets_nothing(
    server: Server, alice: Person, file: dict[str, str], room: str
) -> None:
    alice.put(f"v4/room/{room}/password", password="sesame-street-9")
    guest = server.visitor()
    assert guest.status("POST", f"v4/room/{room}/participants/active") == 403
    assert not any(door(guest, file) for door in FOR_GUESTS.values())


def _remove(alice: Person, bob: Person, room: str, server: Server) -> None:
    attendee = next(each for each in alice.get(f"v4/room/{room}/participants") if each["actorId"] == bob.id)
    alice.delete(f"v4/room/{room}/attendees", attendeeId=attendee["attendeeId"])


def _ban(alice: Person, bob: Person, room: str, server: Server) -> None:
    alice.post(f"v1/ban/{room}", actorType="users", actorId=bob.id, internalNote="")


def _raise_lobby(alice: Person, bob: Person, room: str, server: Server) -> None:
    alice.put(f"v4/room/{room}/webinar/lobby", state=1)


def _leave(alice: Person, bob: Person, room: str, server: Server) -> None:
    bob.delete(f"v4/room/{room}/participants/self")


def _disable(alice: Person, bob: Person, room: str, server: Server) -> None:
    server.admin.put(f"/ocs/v2.php/cloud/users/{bob.id}/disable", headers={"OCS-APIRequest": "true"}).raise_for_status()


def _delete_room(alice: Person, bob: Person, room: str, server: Server) -> None:
    alice.delete(f"v4/room/{room}")


def _clear(alice: Person, bob: Person, room: str, server: Server) -> None:
    alice.delete(f"v1/chat/{room}")


@pytest.mark.parametrize("end", [_remove, _ban, _raise_lobby, _leave, _disable, _delete_room, _clear])
def test_every_door_closes_at_once(
    server: Server,
    alice: Person,
    bob: Person,
    file: dict[str, str],
    room: str,
    end: Callable[[Person, Person, str, Server], None],
) -> None:
    assert open_to(bob, file) == set(FOR_USERS)
    end(alice, bob, room, server)
    assert open_to(bob, file) == set()


@pytest.fixture
def allow(server: Server) -> Iterator[Callable[[Person], None]]:
    """Let only the members of a new group use Talk. Return a function that adds somebody to it."""
    group = unique("allowed")
    server.admin.post("/ocs/v2.php/cloud/groups", json={"groupid": group}).raise_for_status()

    def add(person: Person) -> None:
        server.admin.post(f"/ocs/v2.php/cloud/users/{person.id}/groups", json={"groupid": group}).raise_for_status()

    server.admin.post(ALLOWED_GROUPS, json={"value": f'["{group}"]'}).raise_for_status()
    try:
        yield add
    finally:
        server.admin.delete(ALLOWED_GROUPS).raise_for_status()


def test_who_may_not_use_talk_finds_every_door_to_files_of_rooms_closed(
    server: Server, alice: Person, bob: Person, file: dict[str, str], room: str, allow: Callable[[Person], None]
) -> None:
    guest = server.visitor()
    guest.join(room)
    allow(alice)
    assert open_to(bob, file) == set()
    assert open_to(alice, file) == set(FOR_USERS)
    assert {name for name, door in FOR_GUESTS.items() if door(guest, file)} == set(FOR_GUESTS)
    allow(bob)
    assert open_to(bob, file) == set(FOR_USERS)


def test_who_may_not_use_talk_keeps_their_own_files_and_sends_none(
    server: Server, alice: Person, bob: Person, room: str, allow: Callable[[Person], None]
) -> None:
    allow(alice)
    own = Files(bob)
    own.put("/own.png", picture())
    assert own.get("/own.png") == picture()
    assert bob.http.get("/core/preview.png?file=/own.png&x=64&y=64").status_code == 200
    assert own.move("/own.png", "/renamed.png") == 201
    refused: dict[str, dict[str, Any]] = {
        "attachment/folder": {"fileNames": ["a"]},
        "attachment": {"filePath": f"Talk/x-{room}/x-{bob.id}/Draft/a", "referenceId": "a"},
        "attachment/send": {},
    }
    for path, body in refused.items():
        assert bob.status("POST", f"v1/chat/{room}/{path}", **body) == 403, path
    shared = bob.http.post(SHARES, json={"path": "/renamed.png", "shareWith": room, "shareType": 10})
    assert shared.status_code == 403
    blocks = bob.get("/ocs/v2.php/cloud/capabilities")["capabilities"]
    assert {"dav", "files"} <= set(blocks)
    assert not {"files_sharing", "spreed"} & set(blocks)
    assert own.status("DELETE", "/renamed.png") == 204


def test_ids_of_shares_and_files_lead_nowhere(server: Server, alice: Person, bob: Person, file: dict[str, str]) -> None:
    mallory = server.add_user("mallory")
    Files(mallory).put("/own", b"1")
    newest = int(Files(mallory).list("/own", 0, "oc:fileid")["/own"]["fileid"])
    for number in range(max(1, newest - 30), newest + 5):
        answer = mallory.http.get(f"/f/{number}")
        assert answer.status_code == (200 if number == newest else 404)
        for method in ("GET", "DELETE"):
            assert mallory.status(method, f"{SHARES}/{number}") == 404
    unknown, hidden = (mallory.http.get(f"/f/{number}") for number in (10**9, file["id"]))
    assert (unknown.status_code, unknown.content) == (hidden.status_code, hidden.content), "the answers are the same"


def test_a_tag_says_nothing_about_equal_contents(server: Server, alice: Person, room: str) -> None:
    mallory = server.add_user("mallory")
    theirs = send(alice, room, b"the secret", "a.txt")["messageParameters"]["file"]
    tag = Files(mallory).put("/guess.txt", b"the secret").headers["etag"]
    assert tag.strip('"') != theirs["etag"]
    assert Files(mallory).status("PUT", "/x", b"1", If_Match=f'"{theirs["etag"]}"') == 412


@pytest.mark.parametrize(
    "path",
    [
        "/../{}/secret",
        "/x/../../{}/secret",
        "/%2e%2e/{}/secret",
        "/..%2f{}%2fsecret",
        "/%252e%252e/{}/secret",
        "/.%00/secret",
        "/Talk/../../{}/secret",
        "//etc/passwd",
        "/..\\..\\{}\\secret",
    ],
)
def test_no_path_leads_out_of_ones_own_folders(server: Server, path: str) -> None:
    owner, mallory = server.add_user("owner"), server.add_user("mallory")
    Files(owner).put("/secret", b"secret")
    url = f"{mallory.http.base_url}{Files(mallory).root}{path.format(owner.id)}"
    for method in ("GET", "PUT", "DELETE", "PROPFIND", "MKCOL"):
        answer = mallory.http.request(
            method, url, extensions={"target": url[len(str(mallory.http.base_url)) :].encode()}
        )
        assert answer.status_code in (400, 403, 404, 405, 409), (method, answer.status_code)
    assert Files(owner).get("/secret") == b"secret"


def test_contents_are_private_files_of_the_server(server: Server, alice: Person) -> None:
    Files(alice).put("/a", b"private")
    folder = Path(server.config.data) / "files"
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
        assert not path.is_symlink()
        assert re.fullmatch("[0-9a-f]{2}|[0-9a-f]{32}|unfinished", path.name), "no name of a user is one of the disk"


def test_no_answer_lets_a_browser_run_what_was_uploaded(alice: Person, bob: Person, room: str) -> None:
    for name in ("a.html", "a.svg", "a.xml", "a.js", "a.xhtml", "a", "a.png", "a.pdf", "a.jpg.html"):
        file = send(alice, room, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", name)
        shown = file["messageParameters"]["file"]
        for answer in (bob.http.get(f"/f/{shown['id']}"), Files(bob).request("GET", "/" + shown["path"])):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]
            is_inline = answer.headers["content-disposition"].startswith("inline")
            assert not is_inline or re.match("(image/(?!svg)|audio/|video/)", answer.headers["content-type"])
        preview = bob.http.get(f"/index.php/core/preview?fileId={shown['id']}&x=64&y=64&a=1")
        assert preview.status_code == 404
