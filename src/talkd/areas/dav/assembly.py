"""Uploads that are being made into files. Nobody may change them meanwhile, at no process.

The database has a claim of the request that does it. A claim that is not renewed ends by itself, so a process that dies
locks an upload for a minute at most.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from talkd.areas.dav import upload_service as service
from talkd.areas.dav.upload_model import CLAIMED
from talkd.storage.database import Database


@asynccontextmanager
async def keep_claimed(db: Database, user_id: str, name: str, claim: str) -> AsyncIterator[None]:
    """Keep an upload claimed, and give the claim back at the end."""
    renewing = asyncio.ensure_future(_renew(db, user_id, name, claim))
    try:
        yield
    finally:
        renewing.cancel()
        await db.write_if_possible(partial(service.release, user_id=user_id, name=name, claim=claim))


async def _renew(db: Database, user_id: str, name: str, claim: str) -> None:
    while True:
        await asyncio.sleep(CLAIMED / 3)
        await db.write_if_possible(partial(service.renew, user_id=user_id, name=name, claim=claim))
