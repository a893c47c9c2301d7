"""The forms of texts in the settings for files."""

import re
from urllib.parse import parse_qs, urlsplit

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]")
_FOLDER = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9!_.*'()\-]+)*/?")
_ENDPOINT = re.compile(r"https?://([A-Za-z0-9.\-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?/?")
_REGION = re.compile(r"[a-z0-9\-]{1,64}")
_HOST_AND_PORT = re.compile(r"([A-Za-z0-9.\-_]{1,255}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+\-*]+/[A-Za-z0-9.+\-*]+")
MAX_PORT = 65_535


def is_storage(url: str) -> bool:
    """Return True for a URL like `s3://bucket/folder?endpoint=https://s3.example.org&region=eu-1`."""
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        return False
    forms = {"endpoint": _ENDPOINT, "region": _REGION}
    return (
        parts.scheme == "s3"
        and _BUCKET.fullmatch(parts.netloc) is not None
        and _FOLDER.fullmatch(parts.path) is not None
        and not parts.fragment
        and all(
            name in forms and len(values) == 1 and forms[name].fullmatch(values[0]) for name, values in options.items()
        )
    )


def is_scanner(address: str) -> bool:
    """Return True for a host with a port, and for the absolute path of a Unix socket."""
    found = _HOST_AND_PORT.fullmatch(address)
    return int(found[2]) in range(1, MAX_PORT + 1) if found else address.startswith("/")


def is_media_type(pattern: str) -> bool:
    """Return True for a media type, in which `*` stands for any text."""
    return _MEDIA_TYPE.fullmatch(pattern) is not None
