"""Serve a file to a client that may read it: whole or in part, and never as a page of this server."""

from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from talkd.areas.files.contents import Contents
from talkd.areas.files.header_model import is_date_of, parse_range
from talkd.areas.files.model import Blob, Entry
from talkd.web import etags
from talkd.web.call import Call
from talkd.web.ocs import Reply

SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""If a browser shows the file, it is not a page of this server: it can run no script and read no cookie."""


INLINE = frozenset({"image", "audio", "video"})
"""The kinds of media that browsers may show at the address of a file, if they ask for that."""


async def serve(call: Call[Any], entry: Entry, blob: Blob, *, inline: bool = False) -> Reply:
    """Return the answer with the contents of a file, or the part that the header Range asks for.

    With `inline`, browsers show pictures, sounds and films, and save everything else.
    """
    kind, _, form = entry.media_type.partition("/")
    shown = "inline" if inline and kind in INLINE and form != "svg+xml" else "attachment"
    tag = etags.of_version(entry.etag)
    headers = {
        "ETag": tag,
        "OC-ETag": tag,
        "OC-FileId": str(entry.id),
        "Last-Modified": formatdate(entry.modified_at, usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(entry.name, safe='')}",
        "Content-Security-Policy": SANDBOX,
    }
    if entry.checksum:
        headers["OC-Checksum"] = entry.checksum
    if call.knows(tag):
        return Reply(content=b"", status=304, headers=headers)
    start, size, status = 0, blob.size, 200
    wanted = call.header("range")
    if wanted and _may_be_part(call.header("if-range"), tag, entry.modified_at):
        try:
            part = parse_range(wanted, blob.size)
        except ValueError:
            return Reply(content=b"", status=416, headers={"Content-Range": f"bytes */{blob.size}"})
        if part is not None:
            (start, size), status = part, 206
            headers["Content-Range"] = f"bytes {start}-{start + size - 1}/{blob.size}"
    stream = await call.world[Contents].open(blob, start, size)
    return Reply(stream=stream, status=status, headers=headers, content_type=entry.media_type)


def _may_be_part(if_range: str, tag: str, modified_at: int) -> bool:
    """Return True if the client's part belongs to these contents, as far as it says."""
    return not if_range or if_range.strip() == tag or is_date_of(if_range, modified_at)
