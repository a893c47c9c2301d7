"""Answer with the properties of an entry and of what is in it.

A large folder is read and sent page by page, so that neither the memory nor the wait of others grows with it. A page is
as its folder was when the page was read.
"""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial

from talkd.areas.dav import service, view
from talkd.areas.dav.model import Depth, Wanted
from talkd.areas.dav.view import Node
from talkd.areas.files.model import Limits, Path
from talkd.core.actor import Actor
from talkd.core.errors import Unavailable
from talkd.core.streams import Unmeasured
from talkd.storage.database import Database
from talkd.web.ocs import Reply

HEADERS = {"DAV": "1, 3"}
PAGE = 500
"""Number of entries that are read and sent at once."""
SOME = 100
"""A number of entries that are read and written within a few milliseconds."""


def multistatus(content: bytes) -> Reply:
    """Return an answer about several entries."""
    return Reply(content=content, status=207, content_type=view.XML, headers=HEADERS)


class Listing:
    """What a user asks about an entry. `base` is the path of their root, as clients know it."""

    def __init__(self, db: Database, user: Actor, base: str, wanted: Wanted, depth: Depth) -> None:
        self._db = db
        self._user = user
        self._wanted = wanted
        self._depth = depth
        self._base = base

    async def answer(self, path: Path, limits: Limits) -> Reply:
        """Return the answer about the entry at a path. Raises NotFound, and Forbidden for too much."""
        first = partial(service.list_first, user=self._user, path=path, depth=self._depth, limits=limits, limit=SOME)
        top, inside = await self._db.read(first)
        goes_deeper = self._depth is Depth.ALL and any(node.entry.is_folder for node in inside)
        if len(inside) < SOME and not goes_deeper:
            return multistatus(view.multistatus(self._base, [top, *inside], self._wanted))
        return Reply(stream=Unmeasured(self._parts(top)), status=207, content_type=view.XML, headers=HEADERS)

    async def _parts(self, top: Node) -> AsyncGenerator[bytes, None]:
        """Yield the parts of the answer. Raises ConnectionError if the database fails, which cuts the answer off."""
        yield view.BEGIN + view.responses(self._base, [top], self._wanted)
        waiting = [top]
        while waiting:
            folder, below, after = waiting.pop(), list[Node](), ""
            while page := await self._read(folder, after):
                yield await asyncio.to_thread(view.responses, self._base, page, self._wanted)
                after = page[-1].entry.name
                if self._depth is Depth.ALL:
                    below += (node for node in page if node.entry.is_folder)
            waiting += reversed(below)
        yield view.END

    async def _read(self, folder: Node, after: str) -> list[Node]:
        page = partial(service.list_page, user=self._user, folder=folder, after=after, limit=PAGE)
        try:
            return await self._db.read_aside(page)
        except Unavailable as error:
            raise ConnectionError("the database cannot be used") from error
