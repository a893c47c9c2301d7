"""Operations on uploads in pieces: begin, send the pieces in any order, and move the whole to its place."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from functools import partial

import msgspec

from talkd.areas.dav import model, view
from talkd.areas.dav import service as dav
from talkd.areas.dav import upload_service as service
from talkd.areas.dav.assembly import keep_claimed
from talkd.areas.dav.listing import multistatus
from talkd.areas.dav.routes import (
    FileParams,
    address_of,
    condition_of,
    may_overwrite,
    operations,
    prefixes,
    write,
    written,
)
from talkd.areas.dav.upload_model import Piece, require_piece_path, require_upload_path, require_whole_path
from talkd.areas.dav.upload_service import Caps
from talkd.areas.files import service as files
from talkd.areas.files.contents import Contents
from talkd.areas.files.media_model import type_of
from talkd.areas.files.model import Path
from talkd.areas.files.receiving import at_most
from talkd.core import ids
from talkd.core.errors import NotAllowedHere
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.routing import Kind, Routes

routes = Routes("files", base="/remote.php", kind=Kind.PLAIN)
add = operations(routes, "/dav/uploads/{owner}/{*path}")


def _caps(call: Call[FileParams]) -> Caps:
    return Caps(call.world[Contents].limits, call.world.config.files.max_file)


@add("MKCOL")
async def create_upload(call: Call[FileParams], path: Path) -> Reply:
    """Begin an upload in pieces."""
    name = require_upload_path(path)
    if call.body:
        return Reply(content=b"", status=415)
    await write(call, lambda tx: service.create_upload(tx, call.user_id, name))
    return Reply(content=b"", status=201)


@add("PROPFIND")
async def list_pieces(call: Call[FileParams], path: Path) -> Reply:
    """List the pieces that have arrived."""
    wanted = model.parse_wanted(call.body)
    with_children = model.parse_depth(call.header("depth")) is not model.Depth.NONE
    nodes = await call.world.db.read_aside(
        lambda tx: service.list_nodes(tx, call.caller.actor, path, with_children=with_children)
    )
    base = address_of(call, "uploads", call.params.owner)
    return multistatus(await asyncio.to_thread(view.multistatus, base, nodes, wanted))


@add("PUT", receives=True)
async def put_piece(call: Call[FileParams], path: Path) -> Reply:
    """Upload a piece. If it is sent again, the last one counts."""
    name, piece_name = require_piece_path(path)
    contents, upload, caps = call.world[Contents], call.upload, _caps(call)
    assert upload is not None, "the route receives the body"
    announced = model.parse_size(call.header("oc-total-length")) or 0
    most = await call.world.db.read(
        lambda tx: service.require_can_put(
            tx, call.user_id, name, piece_name, caps, size=upload.length or 0, announced=announced
        )
    )
    put = partial(service.put_piece, user_id=call.user_id, name=name)
    piece, old = await contents.begin_piece(call.header("oc-checksum")).receive_for(
        at_most(upload.parts(), most),
        lambda received: write(call, partial(put, piece_name=piece_name, received=received, caps=caps)),
        lambda _: True,
    )
    if old is not None:
        await contents.remove([old.key])
    tag = f'"{piece.etag}"'
    return Reply(content=b"", status=201 if old is None else 204, headers={"ETag": tag, "OC-ETag": tag})


@add("MOVE")
async def finish_upload(call: Call[FileParams], path: Path) -> Reply:
    """Make the pieces a file at the address in the header Destination."""
    name = require_whole_path(path)
    target = model.parse_target(call.header("destination"), prefixes(call))
    if not target:
        raise NotAllowedHere(message="A folder is at this path.")
    contents, condition = call.world[Contents], condition_of(call)
    if not may_overwrite(call):
        condition = msgspec.structs.replace(condition, is_new=True)
    contents.require_type(type_of(target[-1]))
    creates_folders = call.header("x-nc-webdav-auto-mkcol") == "1"
    announced, claim = model.parse_size(call.header("oc-total-length")), ids.text(16)
    pieces = await write(call, lambda tx: service.claim_pieces(tx, call.user_id, name, announced, claim))
    async with keep_claimed(call.world.db, call.user_id, name, claim):
        await call.world.db.read(
            lambda tx: dav.require_can_put(
                tx, call.user_id, target, condition, contents.limits, size=0, creates_folders=creates_folders
            )
        )
        finish = partial(
            service.finish_upload,
            user_id=call.user_id,
            name=name,
            claim=claim,
            path=target,
            modified_at=model.parse_moment(call.header("x-oc-mtime")),
            condition=condition,
            creates_folders=creates_folders,
            limits=contents.limits,
        )
        async with aclosing(_read(contents, pieces)) as parts:
            finished = await contents.begin(call.header("oc-checksum")).receive_for(
                parts,
                lambda received: write(call, partial(finish, received=received), target),
                lambda done: files.is_kept(done.put),
            )
    await contents.remove(finished.keys)
    return written(call, finished.put)


async def _read(contents: Contents, pieces: Iterable[Piece]) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        async with aclosing(contents.read(piece.key, piece.size)) as parts:
            async for part in parts:
                yield part


@add("DELETE")
async def delete_upload(call: Call[FileParams], path: Path) -> Reply:
    """Cancel an upload, or delete one of its pieces."""
    if len(path) == 1:
        name = require_upload_path(path)
        keys = await write(call, lambda tx: service.remove_upload(tx, call.user_id, name))
    else:
        name, piece = require_piece_path(path)
        keys = await write(call, lambda tx: service.remove_piece(tx, call.user_id, name, piece))
    await call.world[Contents].remove(keys)
    return Reply(content=b"", status=204)
