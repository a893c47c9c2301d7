"""Recording of calls, with a recording server that stands in for the real one."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import sqlalchemy as sa

from support import raw
from support.files import Files
from support.notifications import PATH
from support.people import Person
from support.recorders import BACKEND, SECRET, RecordingServer, running_recording_server, signed
from support.running import Server, free_port
from support.time import pass_time
from talkd.areas.files.receiving import Reception
from talkd.areas.signatures.service import KEEP
from talkd.config import Config
from talkd.storage.schema import signatures as table
from talkd.storage.statements import Statement

VIDEO, AUDIO, VIDEO_STARTING, AUDIO_STARTING, FAILED = 1, 2, 3, 4, 5
WEBM = b"\x1a\x45\xdf\xa3"
"""How a Matroska or WebM file begins."""


def set_setting(server: Server, key: str, value: str | None) -> None:
    path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
    answer = server.admin.delete(path) if value is None else server.admin.post(path, json={"value": value})
    answer.raise_for_status()


@pytest.fixture
def recorder(server: Server) -> Iterator[RecordingServer]:
    """A recording server that talkd is set up to use."""
    with running_recording_server() as running:
        set_setting(server, "recording_servers", running.setting)
        yield running
        set_setting(server, "recording_servers", None)


@pytest.fixture
def called(alice: Person, bob: Person, token: str) -> str:
    """The token of a room with a call that Alice and Bob are in."""
    for person in (alice, bob):
        person.join(token)
        person.post(f"v4/call/{token}")
    return token


def spreed(person: Person) -> Any:
    return person.get("/ocs/v2.php/cloud/capabilities")["capabilities"]["spreed"]


def state(person: Person, token: str) -> int:
    return int(person.room(token)["callRecording"])


def start(server: Server, recorder: RecordingServer, alice: Person, token: str, status: int = VIDEO) -> None:
    alice.post(f"v1/recording/{token}", status=status)
    actor = {"type": "users", "id": alice.id}
    started = {"token": token, "status": status, "actor": actor}
    assert recorder.report(server, {"type": "started", "started": started}).status_code == 200


def received(server: Server) -> list[str]:
    """Return the files that are being received, or were left behind."""
    return [path.name for path in (Path(server.config.data) / "incoming").rglob("*") if path.is_file()]


def kept_of(person: Person, token: str) -> dict[str, bytes]:
    """Return the recordings of a room among the files of a person."""
    files, folder = Files(person), f"/Talk/Recording/{token}/"
    if files.status("PROPFIND", folder, Depth="0") == 404:
        return {}
    names = [unquote(path.removeprefix(folder)) for path in files.list(folder) if path != folder]
    return {name: files.get(folder + name) for name in names}


def recordings_of(person: Person) -> list[dict[str, Any]]:
    return [each for each in person.get(PATH) if each["object_type"] == "recording"]


def test_recording_is_announced_while_a_server_is_set_up(server: Server, alice: Person) -> None:
    def announced() -> tuple[bool, bool]:
        shown = spreed(alice)
        return shown["config"]["call"]["recording"], "recording-v1" in shown["features"]

    assert announced() == (False, False)
    with running_recording_server() as recorder:
        set_setting(server, "recording_servers", recorder.setting)
        before = alice.request("GET", "v4/room").headers["X-Nextcloud-Talk-Hash"]
        assert announced() == (True, True)
        set_setting(server, "call_recording", "no")
        assert announced() == (False, False)
        assert alice.request("GET", "v4/room").headers["X-Nextcloud-Talk-Hash"] != before
        set_setting(server, "call_recording", None)
        set_setting(server, "recording_servers", None)


@pytest.mark.parametrize(("status", "starting", "prefix"), [(VIDEO, 3, ""), (AUDIO, 4, "audio_")])
def test_a_moderator_records_a_call(
    server: Server,
    recorder: RecordingServer,
    alice: Person,
    bob: Person,
    called: str,
    status: int,
    starting: int,
    prefix: str,
) -> None:
    alice.post(f"v1/recording/{called}", status=status)
    actor = {"type": "users", "id": alice.id}
    assert recorder.asked == [
        (called, {"type": "start", "start": {"status": status, "owner": alice.id, "actor": actor}}, server.url)
    ]
    assert state(bob, called) == starting
    started = {"token": called, "status": status, "actor": actor}
    assert recorder.report(server, {"type": "started", "started": started}).status_code == 200
    assert state(bob, called) == status
    alice.delete(f"v1/recording/{called}")
    assert recorder.asked[1:] == [(called, {"type": "stop", "stop": {"actor": actor}}, server.url)]
    assert state(bob, called) == status, "the recording server has not stopped yet"
    stopped = {"token": called, "actor": actor}
    assert recorder.report(server, {"type": "stopped", "stopped": stopped}).status_code == 200
    assert state(bob, called) == 0
    reports = [each for each in bob.history(called) if "recording" in each["systemMessage"]]
    kind = "audio" if prefix else "video"
    assert [(each["systemMessage"], each["message"]) for each in reversed(reports)] == [
        (f"{prefix}recording_started", f"{{actor}} started the {kind} recording"),
        (f"{prefix}recording_stopped", f"{{actor}} stopped the {kind} recording"),
    ]
    assert {each["actorId"] for each in reports} == {alice.id}


def test_what_cannot_be_recorded_is_refused_with_the_reason(
    server: Server, recorder: RecordingServer, alice: Person, bob: Person, token: str
) -> None:
    path = f"v1/recording/{token}"
    assert alice.refused("POST", path, status=3) == (400, "status")
    assert alice.refused("POST", path, status=VIDEO) == (400, "call")
    alice.join(token)
    alice.post(f"v4/call/{token}")
    assert bob.status("POST", path, status=VIDEO) == bob.status("DELETE", path) == 403
    assert server.visitor().status("POST", path, status=VIDEO) == 401
    set_setting(server, "call_recording", "no")
    assert alice.refused("POST", path, status=VIDEO) == (400, "config")
    set_setting(server, "call_recording", None)
    alice.post(path, status=VIDEO)
    assert alice.refused("POST", path, status=AUDIO) == (400, "recording")
    assert len(recorder.asked) == 1


def test_a_recording_server_that_fails_leaves_a_failed_recording_that_can_be_started_again(
    server: Server, recorder: RecordingServer, alice: Person, called: str
) -> None:
    path = f"v1/recording/{called}"
    recorder.is_broken = True
    assert alice.refused("POST", path, status=VIDEO) == (400, "config")
    assert state(alice, called) == FAILED
    recorder.is_broken = False
    alice.post(path, status=AUDIO)
    assert state(alice, called) == AUDIO_STARTING
    nobody = recorder.setting.replace(recorder.url, f"http://127.0.0.1:{free_port()}")
    set_setting(server, "recording_servers", nobody)
    alice.delete(path)
    assert state(alice, called) == FAILED
    assert alice.refused("POST", path, status=VIDEO) == (400, "config")
    assert alice.system_messages(called).count("recording_failed") == 3


def test_the_recording_server_can_fail_later(
    server: Server, recorder: RecordingServer, alice: Person, called: str
) -> None:
    start(server, recorder, alice, called)
    assert recorder.report(server, {"type": "failed", "failed": {"token": called}}).status_code == 200
    assert state(alice, called) == FAILED
    assert alice.history(called)[0]["message"] == "The recording failed"


def test_a_recording_ends_with_its_call(server: Server, recorder: RecordingServer, alice: Person, called: str) -> None:
    start(server, recorder, alice, called)
    alice.delete(f"v4/call/{called}", all=True)
    server.wait_for(lambda: len(recorder.asked) == 2)
    assert recorder.asked[1] == (called, {"type": "stop", "stop": {}}, server.url)
    server.run_job("stop_recordings")
    assert len(recorder.asked) == 2, "it is asked once"
    recorder.report(server, {"type": "stopped", "stopped": {"token": called}})
    assert state(alice, called) == 0
    assert alice.history(called)[0]["message"] == "System stopped the video recording"


def test_reports_need_the_right_checksum_a_known_type_and_a_request(
    server: Server, recorder: RecordingServer, alice: Person, called: str
) -> None:
    started = {"type": "started", "started": {"token": called, "status": VIDEO}}

    def refused(message: dict[str, Any], **more: Any) -> tuple[int, str]:
        answer = recorder.report(server, message, **more)
        return answer.status_code, answer.json()["ocs"]["data"]["error"]["code"]

    assert refused(started) == (403, "invalid_request"), "nobody asked for it"
    alice.post(f"v1/recording/{called}", status=VIDEO)
    assert refused(started, secret="another secret") == (403, "invalid_request")
    assert refused({"type": "paused"}) == (400, "unknown_type")
    assert refused({"type": "failed", "failed": {"token": "absent00"}}) == (404, "no_such_room")
    assert state(alice, called) == VIDEO_STARTING


@pytest.mark.parametrize("kind", ["stopped", "failed"])
def test_a_report_that_is_repeated_changes_nothing(
    server: Server, recorder: RecordingServer, alice: Person, called: str, kind: str
) -> None:
    start(server, recorder, alice, called)
    assert recorder.report(server, {"type": kind, kind: {"token": called}}).status_code == 200
    ended = recorder.sent
    start(server, recorder, alice, called)
    answer = ended()
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, None), "the answer is the same as before"
    assert state(alice, called) == VIDEO


def test_an_upload_that_is_repeated_is_thrown_away(
    server: Server, recorder: RecordingServer, alice: Person, called: str
) -> None:
    def uploaded() -> tuple[list[str], int]:
        return sorted(kept_of(alice, called)), len(recordings_of(alice))

    refused = recorder.upload(server, called, "Call.webm", b"no recording", owner=alice.id)
    assert refused.status_code == 400
    assert recorder.repeat().status_code == 400, "a request that was refused is looked at again"
    recorder.upload(server, called, "Call.webm", WEBM, owner=alice.id).raise_for_status()
    before = uploaded()
    assert recorder.repeat().status_code == 200
    assert uploaded() == before == (["Call.webm"], 1)
    assert received(server) == []


def test_an_upload_that_comes_twice_at_once_is_kept_once(
    server: Server, recorder: RecordingServer, alice: Person, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, receive = threading.Barrier(2), Reception.receive

    async def receive_both(reception: Reception, parts: Any) -> Any:
        received = await receive(reception, parts)
        await asyncio.to_thread(both.wait, 20)
        return received

    monkeypatch.setattr(Reception, "receive", receive_both)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(recorder.upload, server, called, "Call.webm", WEBM, owner=alice.id)
        server.wait_for(lambda: both.n_waiting)
        second = pool.submit(recorder.repeat)
    assert (first.result().status_code, second.result().status_code) == (200, 200)
    assert kept_of(alice, called) == {"Call.webm": WEBM}
    (told,) = recordings_of(alice)
    assert told["message"] == "The recording of the call was stored as Call.webm."


def test_old_signatures_are_forgotten(
    server: Server, recorder: RecordingServer, alice: Person, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(server, recorder, alice, called)
    signatures = Statement(sa.select(sa.func.count()).select_from(table))

    def kept() -> int:
        return int(server.read(lambda tx: tx.value(signatures)))

    server.run_job("delete_old_signatures")
    assert kept() > 0
    pass_time(monkeypatch, KEEP + 60)
    server.run_job("delete_old_signatures")
    assert kept() == 0


def test_a_recording_is_kept_among_its_owners_files_and_they_are_notified(
    server: Server, recorder: RecordingServer, alice: Person, bob: Person, called: str
) -> None:
    def upload(content: bytes) -> None:
        answer = recorder.upload(server, called, "Call.webm", WEBM + content, owner=alice.id)
        assert answer.status_code == 200, answer.text

    upload(b"first")
    (first,) = recordings_of(alice)
    assert recordings_of(bob) == []
    assert (first["object_id"], first["subject"]) == (called, "Call recording now available")
    assert first["message"] == "The recording of the call was stored as Call.webm."
    share, action = first["actions"]
    assert (share["label"], share["type"], share["primary"]) == ("Share to chat", "POST", True)
    assert (action["label"], action["type"]) == ("Dismiss notification", "DELETE")
    alice.delete(f"v1/recording/{called}/notification?timestamp=1")
    assert recordings_of(alice) == [first]
    alice.delete(action["link"].removeprefix(server.url))
    assert recordings_of(alice) == []
    upload(b"second")
    assert recordings_of(alice)[0]["message"] == "The recording of the call was stored as Call (1).webm."
    assert kept_of(alice, called) == {"Call.webm": WEBM + b"first", "Call (1).webm": WEBM + b"second"}
    assert received(server) == []


def test_a_recording_is_shared_to_the_chat_by_its_notification(
    server: Server, recorder: RecordingServer, alice: Person, bob: Person, called: str
) -> None:
    recorder.upload(server, called, "Call.webm", WEBM, owner=alice.id).raise_for_status()
    (told,) = recordings_of(alice)
    share = told["actions"][0]["link"].removeprefix(server.url)
    assert bob.status("POST", share) == 403, "Bob is no moderator"
    for _ in range(2):
        alice.post(share)
    assert recordings_of(alice) == []
    shown = [each for each in bob.get(f"v1/chat/{called}", lookIntoFuture=0) if "file" in each["messageParameters"]]
    assert [each["messageType"] for each in shown] == ["record-video"]
    assert list(bob.get(f"v1/chat/{called}/share", objectType="recording")) == [str(shown[0]["id"])]
    assert bob.http.get(f"/f/{shown[0]['messageParameters']['file']['id']}").content == WEBM


def test_only_the_owner_shares_a_recording(
    server: Server, recorder: RecordingServer, alice: Person, bob: Person, called: str
) -> None:
    recorder.upload(server, called, "Call.webm", WEBM, owner=bob.id).raise_for_status()
    share = recordings_of(bob)[0]["actions"][0]["link"].removeprefix(server.url)
    assert alice.refused("POST", share) == (400, "file")
    assert alice.refused("POST", f"v1/recording/{called}/share-chat", fileId=1, timestamp=1) == (400, "file")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.ogg", b"OggS\0\2"), ("a.mkv", WEBM), ("a.mp4", b"\0\0\0\x20ftypisom"), ("A.OGV", b"OggS\0\2")],
)
def test_a_recording_is_known_by_how_it_begins(
    server: Server, recorder: RecordingServer, alice: Person, token: str, name: str, content: bytes
) -> None:
    assert recorder.upload(server, token, name, content, owner=alice.id).status_code == 200
    assert kept_of(alice, token) == {name: content}


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("call.webm", b"", "empty_file"),
        ("call.webm", b"<html>", "file_mimetype"),
        ("call.html", WEBM, "file_extension"),
        ("call.ogg", WEBM, "file_extension"),
        (".webm", WEBM, "file_name"),
        ("..\\call.webm", WEBM, "file_name"),
        ("a" * 250 + ".webm", WEBM, "file_name"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(
    server: Server,
    recorder: RecordingServer,
    alice: Person,
    token: str,
    name: str,
    content: bytes,
    error: str,
) -> None:
    answer = recorder.upload(server, token, name, content, owner=alice.id)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (400, {"error": error})
    assert kept_of(alice, token) == {}
    assert received(server) == []
    assert recordings_of(alice) == []


def test_a_recording_may_be_larger_than_other_files(
    server: Server, recorder: RecordingServer, alice: Person, token: str
) -> None:
    content = WEBM + bytes(server.config.server.max_upload + server.config.server.max_body)
    assert recorder.upload(server, token, "long.webm", content, owner=alice.id).status_code == 200
    assert kept_of(alice, token) == {"long.webm": content}


def test_recordings_have_a_maximum_size(databases: Any, new_server: Callable[[Config], Server]) -> None:
    config: Config = databases.config("sqlite")
    config.server.max_recording = config.server.max_body = 100_000
    server = new_server(config)
    alice = server.add_user("alice")
    token = alice.create_room()
    with running_recording_server() as recorder:
        set_setting(server, "recording_servers", recorder.setting)
        most = WEBM + bytes(100_000)
        assert recorder.upload(server, token, "a.webm", most, owner=alice.id).status_code == 200
        assert recorder.upload(server, token, "b.webm", most * 2, owner=alice.id).status_code == 413
        assert received(server) == []
        answer = recorder.upload(server, token, "c.webm", WEBM, owner="x" * 100_001)
        assert (answer.status_code, answer.json()["ocs"]["data"]) == (413, {"error": "body"})


def test_a_file_from_somebody_else_is_refused_before_it_arrives(server: Server, recorder: RecordingServer) -> None:
    wrong = [f"{name}: {value}" for name, value in signed(b"abcd1234", secret="another secret").items()]
    kind = "Content-Type: multipart/form-data; boundary=x"
    path = "/ocs/v2.php/apps/spreed/api/v1/recording/abcd1234/store"
    for headers in (wrong, []):
        request = raw.head("POST", path, kind, "Content-Length: 3000000000", *headers)
        assert raw.statuses(raw.exchange(server, request, half_closed=False)) == [401]
    assert received(server) == []


def test_a_recording_server_learns_that_it_uploads_in_one_request(server: Server, called: str) -> None:
    """Recording servers ask for an upload in pieces first, and upload at once after a 404."""
    body = {"owner": "somebody", "fileName": "Recording.webm"}
    for secret in (SECRET, "another"):
        headers = signed(called.encode(), secret=secret)
        assert server.client().post(f"{BACKEND}{called}/request-upload", json=body, headers=headers).status_code == 404


def test_the_recording_server_gets_the_signaling_settings(
    server: Server, recorder: RecordingServer, alice: Person, token: str
) -> None:
    def ask(token: str, **secret: str) -> Any:
        path = "/ocs/v2.php/apps/spreed/api/v3/signaling/settings"
        return server.client().get(path, params={"token": token}, headers=signed(b"", **secret))

    found = ask(token).json()["ocs"]["data"]
    assert (found["signalingMode"], found["userId"]) == ("external", None)
    assert ask("absent00").status_code == 404
    answer = ask(token, secret="another secret")
    assert (answer.status_code, answer.json()["ocs"]["data"]["error"]["code"]) == (401, "invalid_request")


def test_a_recording_needs_the_secret_a_room_and_an_owner_in_it(
    server: Server, recorder: RecordingServer, alice: Person, token: str
) -> None:
    def status(to: str = token, **more: Any) -> int:
        return recorder.upload(server, to, "call.webm", WEBM, **{"owner": alice.id, **more}).status_code

    assert status(secret="another secret") == 401
    assert status(to="absent00") == 404
    assert status(owner=server.add_user("carol").id) == 400
    assert status(owner="") == 400
    assert kept_of(alice, token) == {}


def test_administrators_ask_a_recording_server_for_its_version(
    server: Server, recorder: RecordingServer, alice: Person
) -> None:
    path = "/ocs/v2.php/apps/spreed/api/v1/recording/welcome/"
    assert server.admin.get(path + "0").json()["ocs"]["data"] == {"version": "0.2.1"}
    assert server.admin.get(path + "1").status_code == 404
    assert alice.status("GET", path + "0") == 403
    set_setting(server, "recording_servers", recorder.setting.replace(recorder.url, f"http://127.0.0.1:{free_port()}"))
    answer = server.admin.get(path + "0")
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (500, {"error": "CAN_NOT_CONNECT"})
