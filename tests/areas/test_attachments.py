"""Files in conversations, as the apps send and read them."""

import json
from typing import Any

import pytest

from support.files import Files, send
from support.people import GROUP, PUBLIC, Person
from support.running import Server
from support.time import pass_time, set_date, stop_time
from talkd.areas.attachments import draft_service

SHARES = "/ocs/v2.php/apps/files_sharing/api/v1/shares"
JPEG = b"\xff\xd8\xff\xe0 not really"


@pytest.fixture
def alice_files(alice: Person) -> Files:
    return Files(alice)


def share(person: Person, token: str, path: str, **more: Any) -> Any:
    """Share a file as the apps do that upload first."""
    return person.post(SHARES, shareType=10, shareWith=token, path=path, **more)


def newest(person: Person, token: str) -> dict[str, Any]:
    """Return the newest message."""
    shown: dict[str, Any] = person.get(f"v1/chat/{token}", lookIntoFuture=0, limit=1)[0]
    return shown


def file_of(message: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = message["messageParameters"]["file"]
    return found


def status(person: Person, message: dict[str, Any]) -> int:
    """Return the status of the answer to a request for the file of a message."""
    return person.http.get(f"/f/{file_of(message)['id']}").status_code


# --- the doors ------------------------------------------------------------------------------
def test_a_shared_file_is_a_message_for_everybody(alice: Person, bob: Person, token: str, alice_files: Files) -> None:
    alice_files.put("/Talk/photo.jpg", JPEG, X_NC_WebDAV_Auto_Mkcol="1")
    shown = share(
        alice, token, "/Talk/photo.jpg", referenceId="r1", talkMetaData=json.dumps({"messageType": "comment"})
    )
    assert (shown["share_type"], shown["share_with"], shown["path"]) == (10, token, "/Talk/photo.jpg")
    message = newest(bob, token)
    file = file_of(message)
    assert (message["message"], message["messageType"], message["systemMessage"]) == ("{file}", "comment", "")
    assert (message["actorId"], message["referenceId"]) == (alice.id, "r1")
    assert set(message["messageParameters"]) == {"actor", "file"}
    assert {key: file[key] for key in ("type", "name", "size", "mimetype", "preview-available", "hide-download")} == {
        "type": "file",
        "name": "photo.jpg",
        "size": str(len(JPEG)),
        "mimetype": "image/jpeg",
        "preview-available": "yes",
        "hide-download": "no",
    }
    assert all(isinstance(value, str) for value in file.values())
    assert Files(bob).get("/" + file["path"]) == JPEG
    assert bob.http.get(f"/f/{file['id']}").content == JPEG
    assert bob.http.get(file["link"]).content == JPEG


def test_the_draft_folder_is_shared_from(alice: Person, bob: Person, token: str, alice_files: Files) -> None:
    prepared = alice.post(f"v1/chat/{token}/attachment/folder", fileNames=["a.txt"])
    assert prepared["renames"] == []
    assert prepared["folder"].endswith("/Draft")
    for number in range(2):
        alice_files.put(f"/{prepared['folder']}/uuid{number}-a.txt", b"1")
        answer = alice.post(
            f"v1/chat/{token}/attachment",
            filePath=f"/{prepared['folder']}/uuid{number}-a.txt",
            fileName="a.txt",
            referenceId=f"ref{number}",
            talkMetaData=json.dumps({"caption": f"Look, @{bob.id}", "silent": True}),
        )
        assert answer == {"renames": [] if number == 0 else [{"a.txt": "a (1).txt"}]}
    message = newest(bob, token)
    assert message["message"] == "Look, {mention-user1}"
    assert file_of(message)["name"] == "a (1).txt"
    assert message["silent"] is True
    assert bob.room(token)["unreadMention"]
    assert alice.post(f"v1/chat/{token}/attachment/folder", fileNames=["a.txt"])["renames"] == [{"a.txt": "a (2).txt"}]
    assert [name for name in alice_files.list(f"/{prepared['folder']}") if not name.endswith("/")] == []


def test_a_repeated_attachment_is_shared_once(alice: Person, token: str, alice_files: Files) -> None:
    folder = alice.post(f"v1/chat/{token}/attachment/folder", fileNames=[])["folder"]
    alice_files.put(f"/{folder}/x.txt", b"1")
    for _ in range(2):
        alice.post(f"v1/chat/{token}/attachment", filePath=f"{folder}/x.txt", fileName="y.txt", referenceId="same")
    files = [each for each in alice.get(f"v1/chat/{token}", lookIntoFuture=0) if "file" in each["messageParameters"]]
    assert [file_of(each)["name"] for each in files] == ["y.txt"]


def test_attachments_are_refused_with_the_reasons_of_the_api(alice: Person, token: str, alice_files: Files) -> None:
    folder = alice.post(f"v1/chat/{token}/attachment/folder", fileNames=[])["folder"]
    alice_files.put("/elsewhere.txt")
    path = f"v1/chat/{token}/attachment"
    assert alice.refused("POST", path, filePath=f"{folder}/x", fileName="x")[0] == 400
    assert alice.refused("POST", path, filePath=f"{folder}/missing", referenceId="r") == (404, "filePath")
    assert alice.refused("POST", path, filePath="/elsewhere.txt", referenceId="r") == (422, "filePath")
    assert alice.refused("POST", path, filePath=f"{folder}/../x", referenceId="r") == (400, "path")
    alice_files.status("MKCOL", f"/{folder}/sub")
    assert alice.refused("POST", path, filePath=f"{folder}/sub", referenceId="r") == (400, "filePath")
    alice_files.put(f"/{folder}/x")
    assert alice.refused("POST", path, filePath=f"{folder}/x", fileName="a/b", referenceId="r") == (400, "name")
    assert alice_files.get(f"/{folder}/x") == b"content"


def test_a_bot_uploads_and_shares_with_one_request(alice: Person, bob: Person, token: str) -> None:
    message = send(alice, token, b"12345", "report.pdf", caption="Weekly", referenceId="b1")
    assert (message["message"], file_of(message)["name"], file_of(message)["size"]) == ("Weekly", "report.pdf", "5")
    assert send(alice, token, b"12345", "report.pdf", caption="Weekly", referenceId="b1")["id"] == message["id"]
    assert bob.http.get(f"/f/{file_of(message)['id']}").content == b"12345"


def test_a_voice_message_is_one_only_for_the_types_that_clients_play(alice: Person, token: str) -> None:
    voice = send(alice, token, b"RIFF", "talk.wav", messageType="voice-message")
    other = send(alice, token, b"x", "talk.txt", messageType="voice-message")
    assert (voice["messageType"], other["messageType"]) == ("voice-message", "comment")
    assert set(voice["messageParameters"]) == {"actor", "file"}
    shared = alice.get(f"v1/chat/{token}/share", objectType="voice")
    assert list(shared) == [str(voice["id"])]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jpg", "media"), ("a.mp4", "media"), ("a.mp3", "audio"), ("a.pdf", "file"), ("a", "file")]
)
def test_files_are_listed_by_kind(alice: Person, bob: Person, token: str, name: str, kind: str) -> None:
    sent = send(alice, token, b"x", name)
    assert list(bob.get(f"v1/chat/{token}/share", objectType=kind)) == [str(sent["id"])]
    overview = bob.get(f"v1/chat/{token}/share/overview")
    assert [each["id"] for each in overview[kind]] == [sent["id"]]


def test_the_sharing_api_refuses_what_it_cannot_share(alice: Person, bob: Person, token: str) -> None:
    files = Files(alice)
    files.put("/x/a.txt", b"1", X_NC_WebDAV_Auto_Mkcol="1")
    alone = bob.create_room(GROUP)
    assert alice.status("POST", SHARES, path="/x/a.txt", shareType=0, shareWith=bob.id) == 400
    assert alice.status("POST", SHARES, path="/missing", shareType=10, shareWith=token) == 404
    assert alice.status("POST", SHARES, path="/../x/a.txt", shareType=10, shareWith=token) == 404
    assert alice.status("POST", SHARES, path=".", shareType=10, shareWith=token) == 404
    assert alice.status("POST", SHARES, path="/x", shareType=10, shareWith=token) == 403
    assert alice.status("POST", SHARES, path="/", shareType=10, shareWith=token) in (403, 404)
    assert alice.status("POST", SHARES, path="/x/a.txt", shareType=10, shareWith=alone) == 404
    assert bob.status("POST", SHARES, path="/x/a.txt", shareType=10, shareWith=token) == 404
    share(alice, token, "/x/a.txt", referenceId="one")
    assert alice.status("POST", SHARES, path="/x/a.txt", shareType=10, shareWith=token) == 403
    assert share(alice, token, "/x/a.txt", referenceId="one")["share_with"] == token, "a repeated request"


def test_a_share_is_listed_and_ended_by_its_owner_only(alice: Person, bob: Person, token: str) -> None:
    Files(alice).put("/own.txt", b"1")
    number = share(alice, token, "/own.txt")["id"]
    message = newest(bob, token)
    assert [each["id"] for each in alice.get(SHARES, path="/own.txt")] == [number]
    assert [each["id"] for each in alice.get(SHARES)] == [number]
    assert alice.get(f"{SHARES}/{number}")[0]["id"] == number
    assert bob.get(SHARES) == []
    assert bob.status("GET", f"{SHARES}/{number}") == 404
    assert bob.status("DELETE", f"{SHARES}/{number}") == 404
    alice.delete(f"{SHARES}/{number}")
    assert status(bob, message) == 404
    shown = newest(bob, token)
    assert (shown["id"], shown["message"]) == (message["id"], "{actor} shared a file which is no longer available")
    assert Files(alice).get("/own.txt") == b"1", "only the share has ended"


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({}, 400),
        ({"permissions": 1}, 200),
        ({"permissions": 17}, 200),
        ({"permissions": 13}, 200),
        ({"permissions": 0}, 400),
        ({"permissions": 16}, 400),
        ({"permissions": 32}, 400),
        ({"permissions": -1}, 400),
        ({"permissions": "x"}, 400),
        ({"permissions": 19}, 403),
        ({"permissions": 31}, 403),
        ({"note": ""}, 200),
        ({"note": "For you"}, 403),
        ({"attributes": "[]"}, 200),
        ({"attributes": "null"}, 200),
        ({"attributes": '[{"scope":"permissions","key":"download","value":true}]'}, 200),
        ({"attributes": '[{"scope":"permissions","key":"download","value":false}]'}, 403),
        ({"attributes": '[{"scope":"permissions","key":"download","enabled":false}]'}, 403),
        ({"attributes": '[{"scope":"x","key":"y","value":"z"}]'}, 200),
        ({"attributes": "{"}, 400),
        ({"attributes": '[{"scope":1}]'}, 400),
        ({"hideDownload": "false", "label": "", "password": ""}, 200),
        ({"permissions": 1, "note": "", "attributes": "[]", "expireDate": ""}, 200),
    ],
    ids=str,
)
def test_a_share_can_only_get_another_end(
    alice: Person, bob: Person, token: str, wanted: dict[str, Any], status: int
) -> None:
    Files(alice).put("/a.txt", b"1")
    before = share(alice, token, "/a.txt", expireDate="2027-01-16")
    path = f"{SHARES}/{before['id']}"
    answer = alice.request("PUT", path, **wanted)
    assert answer.status_code == status, answer.text
    assert bob.status("PUT", path, **wanted) in (400, 404)
    after = alice.get(path)[0]
    end = None if "expireDate" in wanted else before["expiration"]
    assert after == {**before, "expiration": end}
    assert status != 200 or answer.json()["ocs"]["data"] == after
    form = alice.http.put(f"/ocs/v2.php{path.removeprefix('/ocs/v2.php')}", data=wanted)
    assert form.status_code == status, "apps send forms, too"


# --- who may read ---------------------------------------------------------------------------
def test_only_participants_read_a_file(server: Server, alice: Person, bob: Person, token: str) -> None:
    message = send(alice, token)
    file = file_of(message)
    stranger = server.add_user("mallory")
    assert status(stranger, message) == 404
    assert status(server.visitor(), message) == 404
    assert Files(stranger).status("GET", "/" + file["path"]) == 404
    assert Files(stranger).status("PROPFIND", "/" + file["path"]) == 404
    assert Files(bob).list("/" + file["path"], 0, "oc:permissions", "oc:owner-id") == {
        "/" + file["path"].replace(" ", "%20"): {"permissions": "SG", "owner-id": alice.id}
    }
    for method in ("DELETE", "PUT", "MOVE"):
        assert (
            Files(bob).status(method, "/" + file["path"], Destination=f"{bob.http.base_url}{Files(bob).root}/x") >= 400
        )
    assert bob.http.get(f"/f/{file['id']}").content == b"content"


def test_who_is_removed_or_banned_or_waits_in_the_lobby_reads_nothing(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    message = send(alice, token)
    assert [status(each, message) for each in (alice, bob, carol)] == [200, 200, 200]
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    assert [status(each, message) for each in (alice, bob)] == [200, 404]
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    alice.post(f"v1/ban/{token}", actorType="users", actorId=carol.id, internalNote="")
    assert status(carol, message) == 404
    attendee = next(each for each in alice.get(f"v4/room/{token}/participants") if each["actorId"] == bob.id)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=attendee["attendeeId"])
    assert status(bob, message) == 404
    assert Files(bob).status("GET", "/" + file_of(message)["path"], Range="bytes=0-1") == 404


def test_a_guest_reads_files_of_their_room_and_sends_none(server: Server, alice: Person) -> None:
    token, other = alice.create_room(PUBLIC), alice.create_room(PUBLIC)
    message, secret = send(alice, token, b"for guests"), send(alice, other, b"other")
    guest = server.visitor()
    guest.join(token)
    assert guest.http.get(f"/f/{file_of(message)['id']}").content == b"for guests"
    assert status(guest, secret) == 404
    assert file_of(newest(guest, token))["id"] == file_of(message)["id"]
    assert guest.status("POST", f"v1/chat/{token}/attachment/folder", fileNames=[]) in (401, 404)
    guest.delete(f"v4/room/{token}/participants/active")
    assert status(guest, message) == 404


# --- ends -----------------------------------------------------------------------------------
def test_deleting_a_message_deletes_what_was_only_sent(alice: Person, bob: Person, token: str) -> None:
    sent = send(alice, token, b"only sent")
    Files(alice).put("/kept.txt", b"kept")
    share(alice, token, "/kept.txt")
    kept = newest(alice, token)
    for message in (sent, kept):
        alice.delete(f"v1/chat/{token}/{message['id']}")
        assert status(bob, message) == 404
    assert alice.http.get(f"/f/{file_of(sent)['id']}").status_code == 404
    assert Files(alice).get("/kept.txt") == b"kept"


def test_what_expires_or_is_cleared_takes_its_files_along(
    server: Server, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = alice.create_room(GROUP)
    alice.add(token, bob)
    cleared = send(alice, token, b"cleared")
    alice.delete(f"v1/chat/{token}")
    assert status(bob, cleared) == 404
    alice.post(f"v4/room/{token}/message-expiration", seconds=60)
    expired = send(alice, token, b"expired")
    assert status(bob, expired) == 200
    pass_time(monkeypatch, 61)
    assert status(bob, expired) == 404
    server.run_job("end_shares")
    assert [status(alice, each) for each in (cleared, expired)] == [404, 404], "the files are deleted, too"


def test_a_deleted_room_takes_its_files_along(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(GROUP)
    alice.add(token, bob)
    message = send(alice, token)
    alice.delete(f"v4/room/{token}")
    assert status(bob, message) == 404
    server.run_job("delete_rooms", "end_shares")
    assert status(alice, message) == 404


def test_who_leaves_takes_their_files_along(alice: Person, bob: Person, token: str) -> None:
    message = send(bob, token)
    assert status(alice, message) == 200
    bob.delete(f"v4/room/{token}/participants/self")
    assert status(alice, message) == 404
    shown = next(each for each in alice.get(f"v1/chat/{token}", lookIntoFuture=0) if each["id"] == message["id"])
    assert shown["message"] == "{actor} shared a file which is no longer available"


@pytest.mark.parametrize("path", ["/d", "/d/a.txt"])
def test_a_deleted_file_is_no_longer_available(
    server: Server, alice: Person, bob: Person, token: str, path: str
) -> None:
    """A job changes the messages of files whose folder was deleted."""
    files = Files(alice)
    files.put("/d/a.txt", b"1", X_NC_WebDAV_Auto_Mkcol="1")
    share(alice, token, "/d/a.txt")
    message = newest(bob, token)
    assert files.status("DELETE", path) == 204
    assert status(bob, message) == 404
    if path == "/d":
        server.run_job("delete_removed_files")
    assert newest(bob, token)["message"] == "{actor} shared a file which is no longer available"


def test_new_contents_are_shown_in_the_message(alice: Person, bob: Person, token: str) -> None:
    files = Files(alice)
    files.put("/a.txt", b"1")
    share(alice, token, "/a.txt")
    before = file_of(newest(bob, token))
    files.put("/a.txt", b"123")
    after = file_of(newest(bob, token))
    assert (before["size"], after["size"]) == ("1", "3")
    assert before["etag"] != after["etag"]
    assert bob.http.get(f"/f/{after['id']}").content == b"123"
    files.move("/a.txt", "/b.txt")
    assert bob.http.get(f"/f/{after['id']}").content == b"123"


# --- what browsers make of it ---------------------------------------------------------------
@pytest.mark.parametrize(("name", "shown"), [("a.png", "inline"), ("a.svg", "attachment"), ("a.html", "attachment")])
def test_only_harmless_media_are_shown_at_the_address_of_a_file(
    alice: Person, bob: Person, token: str, name: str, shown: str
) -> None:
    message = send(alice, token, b"<script>alert(1)</script>", name)
    answer = bob.http.get(f"/f/{file_of(message)['id']}")
    assert answer.headers["content-disposition"].startswith(shown)
    assert "sandbox" in answer.headers["content-security-policy"]
    assert (
        bob.http.get(f"/f/{file_of(message)['id']}?download=1").headers["content-disposition"].startswith("attachment")
    )


def test_a_browser_without_login_is_led_to_it(server: Server, alice: Person, token: str) -> None:
    message = send(alice, token)
    answer = server.visitor().http.get(f"/f/{file_of(message)['id']}", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"].endswith(f"/login?redirect_url=%2Ff%2F{file_of(message)['id']}")


def test_users_are_told_that_they_can_send_files(server: Server, alice: Person) -> None:
    def allowed(person: Person) -> Any:
        return person.get("/ocs/v2.php/cloud/capabilities")["capabilities"]["spreed"]["config"]["attachments"]

    assert allowed(alice) == {"allowed": True, "conversation-subfolders": True, "folder": "/Talk"}
    assert allowed(server.visitor()) == {"allowed": False}


# --- captions and forwards ------------------------------------------------------------------
def test_a_caption_is_edited_and_keeps_its_file(alice: Person, bob: Person, token: str) -> None:
    message = send(alice, token, caption="First")
    alice.put(f"v1/chat/{token}/{message['id']}", message=f"Second, @{bob.id}")
    shown = next(each for each in bob.get(f"v1/chat/{token}", lookIntoFuture=0) if each["id"] == message["id"])
    assert shown["message"] == "Second, {mention-user1}"
    assert file_of(shown) == file_of(message)
    assert status(bob, shown) == 200


def test_a_file_without_a_caption_cannot_get_one(alice: Person, token: str) -> None:
    message = send(alice, token)
    assert alice.refused("PUT", f"v1/chat/{token}/{message['id']}", message="x") == (405, "message")


def test_a_file_is_forwarded_to_another_room_as_a_copy(server: Server, alice: Person, bob: Person, token: str) -> None:
    message = send(alice, token, b"forward me", "a.txt")
    carol = server.add_user("carol")
    other = bob.create_room(GROUP)
    bob.add(other, carol)
    share(bob, other, "/" + file_of(message)["path"])
    forwarded = newest(carol, other)
    assert file_of(forwarded)["name"] == "a.txt"
    assert file_of(forwarded)["id"] != file_of(message)["id"]
    alice.delete(f"v1/chat/{token}/{message['id']}")
    assert status(bob, message) == 404
    assert carol.http.get(f"/f/{file_of(forwarded)['id']}").content == b"forward me"
    assert carol.status("POST", SHARES, path="/" + file_of(message)["path"], shareType=10, shareWith=other) == 404


def test_a_forward_that_is_repeated_is_sent_once(server: Server, alice: Person, bob: Person, token: str) -> None:
    message = send(alice, token, b"once", "a.txt")
    other = bob.create_room(GROUP)
    for _ in range(2):
        share(bob, other, "/" + file_of(message)["path"], referenceId="again")
    shown = [each for each in bob.get(f"v1/chat/{other}", lookIntoFuture=0) if "file" in each["messageParameters"]]
    assert len(shown) == 1


def test_an_upload_that_nobody_shares_goes_after_a_week(
    server: Server, alice: Person, token: str, alice_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = "/" + alice.post(f"v1/chat/{token}/attachment/folder", fileNames=["a.txt"])["folder"]
    alice_files.put(f"{draft}/shared", b"shared")
    alice.post(f"v1/chat/{token}/attachment", filePath=f"{draft}/shared", referenceId="b", fileName="shared.txt")
    for folder in ("/own-1", "/own-1/me-alice", "/own-1/me-alice/Draft"):
        alice_files.request("MKCOL", folder)
    own = ("/own-1/me-alice/Draft/a.txt", "/old.txt")
    monkeypatch.setattr(draft_service, "PORTION", 1)
    for path in (f"{draft}/killed", f"{draft}/again", *own):
        alice_files.put(path, b"draft")
    set_date(monkeypatch, 6 * 86_400)
    server.run_job("delete_old_drafts")
    assert alice_files.get(f"{draft}/killed") == b"draft"
    set_date(monkeypatch, 8 * 86_400)
    assert alice_files.move("/old.txt", f"{draft}/old") == 201
    alice_files.put(f"{draft}/again", b"another")
    server.run_job("delete_old_drafts")
    left = {path.rpartition("/")[2] for path in alice_files.list(draft)} - {""}
    assert left == {"old", "again"}, "what was just moved or sent there is about to be shared"
    set_date(monkeypatch, 16 * 86_400)
    server.run_job("delete_old_drafts")
    assert len(alice_files.list(draft)) == 1
    assert alice_files.get(own[0]) == b"draft"
    assert [file_of(newest(alice, token))["name"], status(alice, newest(alice, token))] == ["shared.txt", 200]


@pytest.mark.parametrize(("content", "is_left"), [(JPEG, False), (b"another", True)])
def test_an_upload_that_is_repeated_with_its_share_leaves_no_copy(
    alice: Person, token: str, alice_files: Files, content: bytes, is_left: bool
) -> None:
    """Android sends both again if it got no answer, the file under another free name."""
    alice_files.put("/Talk/photo.jpg", JPEG, X_NC_WebDAV_Auto_Mkcol="1")
    first = share(alice, token, "/Talk/photo.jpg", referenceId="again")
    alice_files.put("/Talk/photo (2).jpg", content)
    assert share(alice, token, "/Talk/photo (2).jpg", referenceId="again")["id"] == first["id"]
    assert ("/Talk/photo%20(2).jpg" in alice_files.list("/Talk")) is is_left
    assert alice_files.get("/Talk/photo.jpg") == JPEG


def test_an_upload_elsewhere_stays_when_its_share_is_repeated(alice: Person, token: str, alice_files: Files) -> None:
    for name in ("/a.txt", "/b.txt"):
        alice_files.put(name, b"equal")
        share(alice, token, name, referenceId="again")
    assert alice_files.get("/b.txt") == b"equal"


def test_a_share_ends_after_its_last_day(
    server: Server, alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Files(alice).put("/a.txt", b"1")
    stop_time(monkeypatch, 1_800_000_000)  # 2027-01-15
    shown = share(alice, token, "/a.txt", expireDate="2027-01-16")
    assert shown["expiration"] == "2027-01-16 00:00:00"
    message = newest(bob, token)
    assert alice.put(f"{SHARES}/{shown['id']}", expireDate="")["expiration"] is None
    assert alice.put(f"{SHARES}/{shown['id']}", expireDate="2027-01-15")["expiration"] == "2027-01-15 00:00:00"
    assert alice.status("PUT", f"{SHARES}/{shown['id']}", expireDate="soon") == 400
    assert bob.status("PUT", f"{SHARES}/{shown['id']}", expireDate="") == 404
    assert status(bob, message) == 200
    stop_time(monkeypatch, 1_800_000_000 + 86_400)
    assert status(bob, message) == 404
    server.run_job("end_shares")
    assert newest(bob, token)["message"] == "{actor} shared a file which is no longer available"
    assert Files(alice).get("/a.txt") == b"1"


def test_what_others_have_shared_is_listed(alice: Person, bob: Person, token: str) -> None:
    message = send(alice, token, b"for Bob", "a.txt")
    (found,) = bob.get(SHARES, shared_with_me=True)
    assert (found["uid_owner"], found["path"], found["can_delete"]) == (
        alice.id,
        "/" + file_of(message)["path"],
        False,
    )
    assert Files(bob).get(found["path"]) == b"for Bob"
    assert alice.get(SHARES, shared_with_me=True) == []
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    assert bob.get(SHARES, shared_with_me=True) == []


# --- faults of clients and of the moment ----------------------------------------------------
def test_a_file_that_could_not_be_shared_is_not_left_behind(alice: Person, token: str) -> None:
    answer = alice.http.post(
        f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}/attachment/send",
        files={"file": ("a.txt", b"1")},
        data={"replyTo": "123456789"},
        headers={"OCS-APIRequest": "true"},
    )
    assert answer.status_code == 400
    folder = alice.post(f"v1/chat/{token}/attachment/folder", fileNames=[])["folder"]
    assert len(Files(alice).list(f"/{folder}")) == 1


@pytest.mark.parametrize("date", ["9999-12-31", "1969-12-31", "2026-02-30", "x"])
def test_an_impossible_last_day_is_refused(alice: Person, token: str, date: str) -> None:
    Files(alice).put("/a.txt")
    assert alice.status("POST", SHARES, path="/a.txt", shareType=10, shareWith=token, expireDate=date) == 400


def test_nothing_is_shared_in_a_room_where_nobody_writes(alice: Person) -> None:
    news = next(room for room in alice.get("v4/room") if room["type"] == 4)["token"]
    Files(alice).put("/a.txt")
    assert alice.status("POST", SHARES, path="/a.txt", shareType=10, shareWith=news) == 403


@pytest.mark.parametrize("text", ['{"caption": "a\\u0000b"}', '{"x": ' + "[" * 5000 + "]" * 5000 + "}"])
def test_impossible_meta_data_is_refused(alice: Person, token: str, alice_files: Files, text: str) -> None:
    """It is a JSON text inside the request's own JSON, whose characters and depth are checked apart."""
    alice_files.put("/a.txt")
    refused = alice.status("POST", SHARES, path="/a.txt", shareType=10, shareWith=token, talkMetaData=text)
    assert refused == 400


def test_attributes_that_are_nested_too_deeply_are_refused(alice: Person, token: str, alice_files: Files) -> None:
    alice_files.put("/a.txt")
    shared = share(alice, token, "/a.txt")
    attributes = '[{"scope": "a", "key": "b", "x": ' + "[" * 5000 + "]" * 5000 + "}]"
    assert alice.status("PUT", f"{SHARES}/{shared['id']}", attributes=attributes) == 400


def test_strange_numbers_in_the_meta_data_are_ignored(alice: Person, token: str) -> None:
    for number, reply_to in enumerate(("9" * 5000, 2**80, True, [], "x")):
        Files(alice).put(f"/{number}.txt")
        meta = json.dumps({"replyTo": reply_to, "caption": 5, "silent": "no"})
        share(alice, token, f"/{number}.txt", talkMetaData=meta)
        assert newest(alice, token)["message"] == "{file}"
