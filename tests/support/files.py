"""The files of a person, over WebDAV."""

import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest

import talkd.blobs.disk
from support.people import Person

DAV, OC, NC = "{DAV:}", "{http://owncloud.org/ns}", "{http://nextcloud.org/ns}"


class Files:
    """The folder tree of a person."""

    def __init__(self, person: Person, root: str = "") -> None:
        self.person = person
        self.root = root or f"/remote.php/dav/files/{quote(person.id, safe='')}"

    def request(self, method: str, path: str, content: bytes | str = b"", **headers: str) -> httpx.Response:
        """Send a request. Names of headers have underscores in place of hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = str(self.person.http.base_url).rstrip("/") + self.root + quote(path)
        return self.person.http.request(method, url, content=content, headers=named)

    def status(self, method: str, path: str, content: bytes | str = b"", **headers: str) -> int:
        """Send a request and return the status of the answer."""
        return self.request(method, path, content, **headers).status_code

    def put(self, path: str, content: bytes | str = b"content", **headers: str) -> httpx.Response:
        """Upload a file."""
        answer = self.request("PUT", path, content, **headers)
        assert answer.status_code in (201, 204), f"{answer.status_code} {answer.text}"
        return answer

    def get(self, path: str, **headers: str) -> bytes:
        """Download a file."""
        answer = self.request("GET", path, **headers)
        assert answer.status_code in (200, 206), f"{answer.status_code} {answer.text}"
        return answer.content

    def list(self, path: str, depth: int | str = 1, *names: str) -> dict[str, dict[str, Any]]:
        """Return the properties of the entries at a path, by their addresses below the root."""
        asked = "".join(f"<{name}/>" for name in names)
        body = ""
        if names:
            body = (
                '<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns">'
                f"<d:prop>{asked}</d:prop></d:propfind>"
            )
        answer = self.request("PROPFIND", path, body, Depth=str(depth))
        assert answer.status_code == 207, f"{answer.status_code} {answer.text}"
        return properties_of(answer.content, self.root)

    def move(self, source: str, target: str, method: str = "MOVE", **headers: str) -> int:
        """Move or copy an entry, and return the status."""
        base = str(self.person.http.base_url).rstrip("/")
        return self.status(method, source, Destination=base + self.root + quote(target), **headers)


def properties_of(content: bytes, root: str) -> dict[str, dict[str, Any]]:
    """Return the found properties in a multistatus answer, by the address below the root."""
    found: dict[str, dict[str, Any]] = {}
    for response in ET.fromstring(content).iter(f"{DAV}response"):
        href = response.findtext(f"{DAV}href", "")
        assert href.startswith(root), href
        values: dict[str, Any] = {}
        for propstat in response.iter(f"{DAV}propstat"):
            if " 200 " in propstat.findtext(f"{DAV}status", ""):
                for each in propstat.find(f"{DAV}prop") or ():
                    values[each.tag.rpartition("}")[2]] = [child.tag for child in each] or (each.text or "")
        found[href.removeprefix(root)] = values
    return found


def send(person: Person, token: str, content: bytes = b"content", name: str = "a.txt", **more: Any) -> dict[str, Any]:
    """Send a file to a room in one request, as a script does, and return the message."""
    answer = person.http.post(
        f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}/attachment/send",
        files={"file": (name, content)},
        data=more,
        headers={"OCS-APIRequest": "true"},
    )
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()["ocs"]["data"]
    return shown


@contextmanager
def assembling(monkeypatch: pytest.MonkeyPatch, finish: Callable[[], int]) -> Iterator[list[int]]:
    """Make an upload a file by `finish`, which ends after the block. Yield the list that gets its status."""
    begun, go_on = threading.Event(), threading.Event()
    finish_draft = talkd.blobs.disk.DiskDraft._finish

    def wait(draft: talkd.blobs.disk.DiskDraft) -> None:
        begun.set()
        assert go_on.wait(30)
        finish_draft(draft)

    monkeypatch.setattr(talkd.blobs.disk.DiskDraft, "_finish", wait)
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(finish()))
    thread.start()
    try:
        assert begun.wait(30)
        monkeypatch.undo()
        yield statuses
    finally:
        go_on.set()
        thread.join(30)
