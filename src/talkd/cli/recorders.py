"""Check of the recording servers."""

import msgspec

from talkd.areas.recording.recorder import headers_for
from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.config import Config
from talkd.conversation.setting_values import RecordingServer
from talkd.conversation.settings import TalkSettings
from talkd.web import outgoing
from talkd.web.pages import client

SUBJECT = "recording server"
SECONDS = 5
DOCS = "docs/admin/recording.md"
OK_STATUS, NOT_FOUND = 200, 404
NO_ROOM = "doctor"
"""A token that no room has. A recording server that accepts the secret knows no recording of it."""


class Welcome(msgspec.Struct, frozen=True):
    """What the check reads of a recording server's welcome."""

    version: str


async def examine_recorder(server: RecordingServer, config: Config, talk_settings: TalkSettings) -> Finding:
    """Ask a recording server for its version, and whether it knows talkd and the secret. Nothing is recorded."""
    url = server.address
    try:
        answer = await outgoing.send("GET", f"{url}/api/v1/welcome", verify=server.verify, timeout=SECONDS)
        version = _read_version(answer)
        refusal = await _find_refusal(server, config.server.public_url, talk_settings.recording_secret)
    except outgoing.Unreachable as error:
        return Finding(FAIL, SUBJECT, f"{url}: {error}", f"start it, and check recording_servers ({DOCS})")
    except ValueError:
        return Finding(FAIL, SUBJECT, f"{url}: something else answers", f"check recording_servers ({DOCS})")
    about = f"{url}: version {version}"
    if refusal is not None:
        advice = f"give it talkd's address {config.server.public_url} and the secret of recording_servers ({DOCS})"
        return Finding(FAIL, SUBJECT, f"{about}, refuses talkd with status {refusal}", advice)
    if not client.is_built():
        return Finding(FAIL, SUBJECT, f"{about}, but talkd has no page for it", "install talkd with its web client")
    if not config.calls.internal_secret and not talk_settings.signaling.servers:
        return Finding(FAIL, SUBJECT, f"{about}, but it cannot join calls", f"set calls.internal_secret ({DOCS})")
    if not config.server.public_url:
        return Finding(WARN, SUBJECT, f"{about}, secret not tried", "set server.public_url")
    return Finding(OK, SUBJECT, f"{about}, accepts the secret")


def _read_version(answer: outgoing.Response) -> str:
    """Return the version in a welcome. Raises ValueError if it is none."""
    if answer.status != OK_STATUS:
        raise ValueError("the status is not 200")
    return msgspec.json.decode(answer.content, type=Welcome).version


async def _find_refusal(server: RecordingServer, address: str, secret: str) -> int | None:
    """Ask the server to end a recording that does not run. Return the status if it refuses talkd."""
    if not address:
        return None
    body = msgspec.json.encode({"type": "stop", "stop": {}})
    headers = headers_for(body, address.rstrip("/"), secret)
    url = f"{server.address}/api/v1/room/{NO_ROOM}"
    answer = await outgoing.send("POST", url, body, headers, verify=server.verify, timeout=SECONDS)
    return None if answer.status in (OK_STATUS, NOT_FOUND) else answer.status
