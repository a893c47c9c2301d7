"""The length of sounds and films."""

from typing import BinaryIO

from talkd.areas.pictures import webm


def find_duration(file: BinaryIO) -> int:
    """Return the length of a sound or film in milliseconds, or 0 if it is not known."""
    file.seek(0)
    head = file.read(len(webm.BEGINNING))
    file.seek(0)
    if head == webm.BEGINNING:
        return webm.find_duration(file)
    if int.from_bytes(head[:2], "big") & 0xFFF6 == 0xFFF0:  # AAC without a container, which looks like MP3
        return 0
    from tinytag import TinyTag, TinyTagException

    try:
        seconds = TinyTag.get(file_obj=file, tags=False).duration
    except (TinyTagException, ValueError, OverflowError):
        return 0
    return in_milliseconds(seconds or 0.0)


def in_milliseconds(seconds: float) -> int:
    """Return a length in milliseconds; 0 if it makes no sense."""
    return round(seconds * 1000) if 0 < seconds < webm.MAX_SECONDS else 0
