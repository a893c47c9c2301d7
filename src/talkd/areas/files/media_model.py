"""The media types of files, by the ends of their names. What a client says about the type is not used."""

import mimetypes
from importlib.util import find_spec

from talkd.areas.files.model import UNKNOWN

_OWN = {
    "aac": "audio/aac",
    "apk": "application/vnd.android.package-archive",
    "avif": "image/avif",
    "flac": "audio/flac",
    "heic": "image/heic",
    "heif": "image/heif",
    "ics": "text/calendar",
    "jfif": "image/jpeg",
    "m4a": "audio/mp4",
    "md": "text/markdown",
    "mkv": "video/x-matroska",
    "mp3": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "vcf": "text/vcard",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webp": "image/webp",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "7z": "application/x-7z-compressed",
}
_KNOWN = mimetypes.MimeTypes(filenames=())  # without those of the machine, which differ
OPENS_HEIC = find_spec("pillow_heif") is not None
"""Whether the extra `heic` is installed."""
_HEIC = {"image/heic", "image/heif"} if OPENS_HEIC else set[str]()
PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/avif"} | _HEIC)
"""Types that have previews."""


def type_of(name: str) -> str:
    """Return the media type of a file with this name."""
    end = name.rpartition(".")[2].lower() if "." in name else ""
    if end in _OWN:
        return _OWN[end]
    found, encoding = _KNOWN.guess_type(f"x.{end}", strict=False) if end else (None, None)
    return UNKNOWN if found is None or encoding is not None else found


def has_preview(media_type: str) -> bool:
    """Return True if the server makes previews of files of this type."""
    return media_type in PICTURES
