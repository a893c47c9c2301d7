"""Replay recordings of the real server.

The recordings are not part of the project. They are in the folder TALKD_CONFORMANCE, or beside the checkout in
`../shared/conformance`.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import parts
from support.running import ADMIN, ADMIN_PASSWORD, LoopThread, Server

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("TALKD_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
RECORDINGS = sorted((FOLDER / "cassettes").rglob("*.json"))
needs_recordings = parts.RECORDINGS.skip_if(not RECORDINGS)

DIFFERENT: dict[str, str] = {
    "bans/banning-a-user": "the real server answers 500 to the second ban (docs/api/differences.md)",
    "bots": "talkd has no bots and no federation",
    "chat/expiring-messages": "talkd hides expired messages (docs/api/differences.md)",
    "chat/mentions": "needs an account `bob`, which only the recorded server had",
    "envelope/unknown-addresses": "asks for v1 to v3 and expects that they are gone",
    "errors/nothing-there": "asks for bots and bridges, which talkd does not have",
    "errors/rarely-used": "asks for shared files, federation and recording servers, which talkd does not have",
    "errors/rest-member": "asks for bots, bridges and their features; the document lets only moderators ring",
    "errors/rest-member-of-read-only": "asks for bots, bridges and their features; only moderators ring",
    "errors/rest-outsider": "asks for bots and bridges, which talkd does not have",
    "errors/rest-visitor-of-public": "asks for bots and bridges, which talkd does not have",
    "rooms-list/newcomer": "talkd posts news of its own in the changelog",
    "search/search-conversations": "the version of a generated picture is the server's own",
    "settings/settings-of-the-administrator": "asks for bots and signaling servers, which talkd does not have",
    "status/capabilities-of-user-and-visitor": "names the other apps of a Nextcloud",
}
"""Recordings (area or area/name) that differ because talkd lacks a feature or differs on purpose, with the reason.

They are replayed too. One that passes is reported (XPASS) and should be removed from this list.
"""


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def parameter(file: Path) -> Any:
    """Return a recording, marked as an expected failure if it is in the list."""
    name = name_of(file)
    reason = DIFFERENT.get(name) or DIFFERENT.get(name.partition("/")[0])
    return pytest.param(file, id=name, marks=[pytest.mark.xfail(reason=reason, strict=False)] if reason else [])


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def replaying(request: pytest.FixtureRequest, databases: Any, loop_thread: LoopThread) -> Iterator[Server]:
    """A new server, because some recordings change its settings. As the recorded server, it has no sockets."""
    config = databases.config(request.param)
    config.calls.signaling = "polls"
    server = Server(loop_thread, config)
    server.add_user("first").create_room()  # in recordings, the first message belongs to another room
    yield server
    server.stop()


@needs_recordings
@pytest.mark.parametrize("file", [parameter(file) for file in RECORDINGS])
def test_recording(replaying: Server, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(FOLDER)])
    from kit import cassette as tape  # type: ignore[import-not-found]
    from kit.actors import Cast  # type: ignore[import-not-found]
    from kit.player import play  # type: ignore[import-not-found]

    cast = Cast(replaying.url, (ADMIN, ADMIN_PASSWORD))
    try:
        outcome = play(tape.read(file), cast)
    finally:
        cast.forget_visitors()
        cast.close()
    different = [
        f"{number} {line}: {difference}" for number, line, difference in outcome.differences if difference.fatal
    ]
    assert not different, "\n".join(different)


@needs_recordings
def test_the_list_of_expected_differences_has_only_existing_recordings() -> None:
    names = {name_of(file) for file in RECORDINGS}
    areas = {name.partition("/")[0] for name in names}
    assert set(DIFFERENT) <= names | areas
