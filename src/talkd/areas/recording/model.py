"""The states of a recording, what the recording server reports, and the names of recorded files."""

from enum import IntEnum

import msgspec

from talkd.core.errors import Invalid
from talkd.core.json import UNREADABLE


class Status(IntEnum):
    """Whether a call is being recorded: `callRecording` in the API."""

    NONE = 0
    VIDEO = 1
    AUDIO = 2
    VIDEO_STARTING = 3
    AUDIO_STARTING = 4
    FAILED = 5


STARTING = {Status.VIDEO: Status.VIDEO_STARTING, Status.AUDIO: Status.AUDIO_STARTING}
"""For each kind of recording, the state until the recording server has begun."""
RUNNING = frozenset({Status.VIDEO, Status.AUDIO})
ACTIVE = RUNNING | frozenset(STARTING.values())

FOLDER = "Recording"
"""The folder of recordings in the folder for attachments of their owner, with one folder for each room."""
HEAD = 12
"""How many bytes at the beginning of a file tell its kind."""
_EXTENSIONS = {
    b"OggS": ("ogg", "oga", "ogv"),
    b"\x1a\x45\xdf\xa3": ("webm", "mkv"),
}
"""How files that recording servers make begin, each with the possible ends of their names."""
_MP4 = ("mp4", "m4a")
_MAX_NAME_BYTES = 200


class Actor(msgspec.Struct, frozen=True):
    """A participant, as recording servers name them."""

    type: str = ""
    id: str = ""


class Report(msgspec.Struct, frozen=True):
    """What a recording server says about the recording in one room."""

    token: str = ""
    status: int = 0
    actor: Actor | None = None


class Message(msgspec.Struct, frozen=True):
    """A message of a recording server. The field with the name of its `type` has the content."""

    type: str = ""
    started: Report | None = None
    stopped: Report | None = None
    failed: Report | None = None


def parse(body: bytes) -> Message:
    """Return the message in a body, or one of no known type if the body has not the form of a message."""
    try:
        return msgspec.json.decode(body, type=Message)
    except UNREADABLE:
        return Message()


def report_of(old: int, new: int) -> str:
    """Return the system message about a change of the state, or "" if the change is not reported."""
    if new == Status.FAILED:
        return "recording_failed"
    for kind, prefix in ((Status.VIDEO, ""), (Status.AUDIO, "audio_")):
        if new == kind:
            return f"{prefix}recording_started"
        if old == kind:
            return f"{prefix}recording_stopped"
    return ""


def require_file_name(name: str, head: bytes) -> str:
    """Return the name under which a recording is stored. `head` is the beginning of the file.

    Raises Invalid("file_mimetype") if it is not a recording, Invalid("file_name") if the name leads to another folder
    or is too long, and Invalid("file_extension") if its end does not fit the kind of file.
    """
    extensions = _MP4 if head[4:8] == b"ftyp" else _EXTENSIONS.get(head[:4])
    if extensions is None:
        raise Invalid("file_mimetype")
    if not name.isprintable() or set(name) & set("/\\") or name.startswith(".") or len(name.encode()) > _MAX_NAME_BYTES:
        raise Invalid("file_name")
    if name.rpartition(".")[2].lower() not in extensions:
        raise Invalid("file_extension")
    return name
