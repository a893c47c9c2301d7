"""Read multipart forms, with Falcon's parser."""

from collections.abc import Mapping
from typing import Any

import falcon
from falcon.asgi import BoundedStream
from falcon.media import MultipartFormHandler

from talkd.core.errors import Invalid
from talkd.web import params
from talkd.web.bodies import Body, too_large
from talkd.web.params import StoredUpload, Upload
from talkd.web.uploads import Incoming

_HANDLER = MultipartFormHandler()


async def read(body: Body, content_type: str, incoming: Incoming | None, *, longest_text: int) -> Mapping[str, Any]:
    """Return the parameters in the body. Its files are in memory, or on the disk if there is a place for them.

    Raises Invalid("body") if it is broken, TooLarge for a longer text, and the errors of `Body.read`.
    """
    fields: dict[str, Any] = {}
    stream = BoundedStream(body.receive)
    try:
        async for part in await _HANDLER.deserialize_async(stream, content_type, None):
            value: Any
            if part.filename is None:
                value = params.text_of(await _read_text(part.stream, longest_text))
            elif incoming is None:
                value = Upload(part.filename, part.content_type, await part.stream.read())
            else:
                value = StoredUpload(part.filename, *await incoming.receive(part.stream))
            params.put_nested(fields, part.name or "", value)
    except UnicodeDecodeError as error:  # Falcon decodes a name when it is first read
        raise Invalid("body", message=params.NOT_UTF8) from error
    except falcon.HTTPError as error:
        raise Invalid("body", message="The multipart body is broken.") from error
    await stream.exhaust()
    return {key: params.listed(value) for key, value in fields.items()}


async def _read_text(stream: Any, longest: int) -> bytes:
    content: bytes = await stream.read(longest + 1)
    if len(content) > longest:
        raise too_large(longest)
    return content
