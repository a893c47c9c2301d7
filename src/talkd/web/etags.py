"""Entity tags (ETag): a client that sends the tag of the answer it has gets 304 instead of the same answer again."""

from typing import Any

import msgspec

from talkd.core.checksums import digest


def of_data(data: Any) -> str:
    """Return a tag that changes with anything in the data."""
    return of_version(digest(msgspec.json.encode(data)))


def of_version(version: str) -> str:
    """Return the tag of an answer whose content has this version."""
    return f'"{version}"'


def is_known(etag: str, if_none_match: str) -> bool:
    """Return True if the header If-None-Match names the tag. `*` names every tag."""
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in known or "*" in known
