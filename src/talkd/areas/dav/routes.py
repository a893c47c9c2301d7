"""Operations on the folders and files of the caller."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec

from talkd.areas.attachments import service as attachments
from talkd.areas.dav import model, service, view
from talkd.areas.dav.listing import Listing, multistatus
from talkd.areas.dav.search_model import parse_search
from talkd.areas.files import moving_service, refusals
from talkd.areas.files import service as files
from talkd.areas.files.contents import Contents
from talkd.areas.files.download import serve
from talkd.areas.files.media_model import type_of
from talkd.areas.files.model import FOLDER, Entry, Path, Received, parse_path
from talkd.areas.files.receiving import at_most
from talkd.areas.files.service import Condition
from talkd.core.errors import (
    Invalid,
    NotAllowedHere,
    NotAuthenticated,
    NotFound,
    NotOwnPage,
    TalkError,
    Throttled,
)
from talkd.core.names import folded
from talkd.storage.database import Tx
from talkd.web import auth
from talkd.web.call import Call
from talkd.web.guards import require_login_still
from talkd.web.ocs import Reply, refusal, status_of
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("files", base="/remote.php", kind=Kind.PLAIN)

FILES = "/dav/files/{owner}/{*path}"
OLD_FILES = "/webdav/{*path}"
"""Where the files are in the oldest clients."""


class FileParams(msgspec.Struct, frozen=True):
    """The account in the path, and the path below its root. At the old address the account is the caller."""

    owner: str = ""
    path: str = ""


Handler = Callable[[Call[FileParams], Path], Awaitable[Reply]]


def operations(table: Routes, *paths: str) -> Callable[..., Callable[[Handler], Handler]]:
    """Return a decorator that declares an operation at these addresses of the caller's own files.

    Its errors are answered in XML, as clients of WebDAV expect.
    """

    def add(method: str, *, receives: bool = False) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            @functools.wraps(handler)
            async def answer(call: Call[FileParams]) -> Reply:
                try:
                    require_own_page(call, changes=method not in _READING)
                    return await handler(call, _own_path(call))
                except (NotAuthenticated, Throttled):
                    raise
                except TalkError as error:
                    return refused(error)

            for path in paths:
                table.add(
                    method, path, Guard.USER, params=FileParams, access=Access.OWN, receives=receives, csrf=False
                )(answer)
            return handler

        return register

    return add


add = operations(routes, FILES, OLD_FILES)


def refused(error: TalkError) -> Reply:
    """Return the answer that tells a client of WebDAV of an error."""
    refusals.count_full(error)
    headers = refusal(error).headers
    return Reply(content=view.problem(error), status=status_of(error), headers=headers, content_type=view.XML)


_READING = ("GET", "OPTIONS", "PROPFIND", "SEARCH")


def require_own_page(call: Call[Any], *, changes: bool) -> None:
    """Raises NotOwnPage if a foreign page may have made a browser send the change. Other clients send no cookie."""
    if not changes or not call.caller.by_cookie or call.header("ocs-apirequest"):
        return
    if not auth.is_own_page(call.caller, call.header("requesttoken")):
        raise NotOwnPage


def _own_path(call: Call[FileParams]) -> Path:
    """Return the path. Raises NotFound for the folders of others, and Invalid."""
    if call.params.owner and folded(call.params.owner) != folded(call.user_id):
        raise NotFound
    return parse_path(call.params.path)


def base_of(call: Call[FileParams]) -> str:
    """Return the path of the caller's root, as clients know it."""
    if not call.params.owner:
        return f"{_sub_path(call)}/remote.php/webdav"
    return address_of(call, "files", call.params.owner)


def address_of(call: Call[Any], folder: str, owner: str) -> str:
    """Return the encoded path of a user's folder below `remote.php/dav`."""
    return view.href(f"{_sub_path(call)}/remote.php/dav/{folder}", (owner,), is_folder=False)


def _sub_path(call: Call[Any]) -> str:
    return call.world.config.server.sub_path.rstrip("/")


def prefixes(call: Call[FileParams]) -> tuple[str, ...]:
    """Return where the caller's root is: the decoded paths that a Destination may begin with."""
    sub_path = _sub_path(call)
    owners = {call.user_id, call.params.owner} - {""}
    roots = [*(f"/remote.php/dav/files/{owner}" for owner in owners), "/remote.php/webdav"]
    return tuple(f"{sub_path}{index}{root}" for index in ("", "/index.php") for root in roots)


# --- reading --------------------------------------------------------------------------------
@add("OPTIONS")
async def list_methods(_call: Call[FileParams], _path: Path) -> Reply:
    """Say what the server can do with files."""
    allowed = "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, MOVE, COPY, PROPFIND, PROPPATCH"
    return Reply(content=b"", headers={"DAV": "1, 3", "Allow": allowed, "MS-Author-Via": "DAV"})


@add("GET")
async def get_file(call: Call[FileParams], path: Path) -> Reply:
    """Download a file. A HEAD for a folder succeeds: libraries ask this way whether it exists."""
    try:
        entry, blob = await call.world.db.read(lambda tx: service.access_file(tx, call.caller.actor, path))
    except NotAllowedHere:
        if call.method != "HEAD":
            raise
        return Reply(content=b"", content_type=FOLDER)
    return await serve(call, entry, blob)


@add("PROPFIND")
async def list_properties(call: Call[FileParams], path: Path) -> Reply:
    """List the properties of an entry, and with `Depth: 1` or `infinity` of what is in it."""
    wanted, depth = model.parse_wanted(call.body), model.parse_depth(call.header("depth"))
    listing = Listing(call.world.db, call.caller.actor, base_of(call), wanted, depth)
    return await listing.answer(path, call.world[Contents].limits)


# --- writing --------------------------------------------------------------------------------
async def write(call: Call[Any], work: Callable[[Tx], Awaitable[Any]], *paths: Path) -> Any:
    """Run a change, if the caller is still logged in. `paths`: files that it may delete, replace or change."""

    async def checked(tx: Tx) -> Any:
        await require_login_still(tx, call)
        await attachments.lock_rooms_of(tx, call.user_id, *paths)
        return await work(tx)

    return await call.world.db.write(checked, queue=f"files:{call.user_id}")


@add("PUT", receives=True)
async def put_file(call: Call[FileParams], path: Path) -> Reply:
    """Upload a file."""
    contents, upload = call.world[Contents], call.upload
    assert upload is not None, "the route receives the body"
    if call.header("content-range") or call.header("oc-chunked"):  # the part would be taken for a whole file
        raise Invalid("content-range", message="Parts of files cannot be uploaded this way.")
    if not path:
        raise NotAllowedHere(message="A folder is at this path.")
    media_type = type_of(path[-1])
    contents.require_type(media_type)
    condition = condition_of(call)
    creates_folders = call.header("x-nc-webdav-auto-mkcol") == "1"
    most = await call.world.db.read(
        lambda tx: service.require_can_put(
            tx, call.user_id, path, condition, contents.limits, size=upload.length or 0, creates_folders=creates_folders
        )
    )

    async def put(tx: Tx, received: Received) -> files.Put:
        if creates_folders:
            await files.ensure_folder(tx, call.user_id, path[:-1], contents.limits)
        return await files.put(
            tx,
            call.user_id,
            path,
            received,
            media_type,
            modified_at=model.parse_moment(call.header("x-oc-mtime")),
            condition=condition,
            limits=contents.limits,
        )

    done = await contents.begin(call.header("oc-checksum")).receive_for(
        at_most(upload.parts(), most),
        lambda received: write(call, partial(put, received=received), path),
        files.is_kept,
    )
    return written(call, done)


def condition_of(call: Call[Any]) -> Condition:
    """Return what the client says must hold before it writes a file."""
    known = model.parse_etags(call.header("if-none-match"))
    wanted = model.parse_etags(call.header("if-match")) | model.parse_if(call.header("if"))
    return Condition(wanted, is_new="*" in known)


def may_overwrite(call: Call[Any]) -> bool:
    """Return True unless the client says that nothing may be at the target of a MOVE or COPY."""
    return call.header("overwrite").strip().upper() != "F"


def written(call: Call[Any], put: files.Put) -> Reply:
    """Return the answer to an upload."""
    tag = view.etag(put.entry)
    headers = {"ETag": tag, "OC-ETag": tag, "OC-FileId": view.file_id(put.entry)}
    if call.header("x-oc-mtime"):
        headers["X-OC-MTime"] = "accepted"
    return Reply(content=b"", status=201 if put.is_new else 204, headers=headers)


@add("MKCOL")
async def create_folder(call: Call[FileParams], path: Path) -> Reply:
    """Create a folder."""
    if call.body:
        return Reply(content=b"", status=415)
    limits = call.world[Contents].limits
    made = await write(call, lambda tx: files.create_folder(tx, call.user_id, path, limits))
    return Reply(content=b"", status=201, headers={"OC-FileId": view.file_id(made), "ETag": view.etag(made)})


@add("DELETE")
async def delete(call: Call[FileParams], path: Path) -> Reply:
    """Delete a file, or a folder with everything in it."""

    async def work(tx: Tx) -> None:
        await files.lock_tree(tx, call.user_id)
        await files.remove(tx, await files.access_entry(tx, call.user_id, path))

    await write(call, work, path)
    return Reply(content=b"", status=204)


@add("MOVE")
async def move(call: Call[FileParams], path: Path) -> Reply:
    """Move or rename a file or a folder."""
    target = model.parse_target(call.header("destination"), prefixes(call))
    overwrite = may_overwrite(call)
    limits = call.world[Contents].limits
    moved = await write(
        call,
        lambda tx: moving_service.move(tx, call.user_id, path, target, overwrite=overwrite, limits=limits),
        path,
        target,
    )
    return _moved(*moved)


def _moved(entry: Entry, is_new: bool) -> Reply:
    """Return the answer to a MOVE or COPY, which names the entry at the target."""
    headers = {"ETag": view.etag(entry), "OC-ETag": view.etag(entry), "OC-FileId": view.file_id(entry)}
    return Reply(content=b"", status=201 if is_new else 204, headers=headers)


@add("COPY")
async def copy(call: Call[FileParams], path: Path) -> Reply:
    """Copy a file, or a folder: with `Depth: 0` without what is in it."""
    target = model.parse_target(call.header("destination"), prefixes(call))
    overwrite, whole = may_overwrite(call), call.header("depth").strip() != "0"
    limits = call.world[Contents].limits
    copied = await write(
        call,
        lambda tx: moving_service.copy(tx, call.user_id, path, target, overwrite=overwrite, whole=whole, limits=limits),
        target,
    )
    return _moved(*copied)


@add("PROPPATCH")
async def set_properties(call: Call[FileParams], path: Path) -> Reply:
    """Set when a file was changed. No other property can be set."""
    changes = model.parse_changes(call.body)
    node, results = await write(call, lambda tx: service.change(tx, call.caller.actor, path, changes), path)
    return multistatus(view.changed(base_of(call), node, results))


# --- searching ------------------------------------------------------------------------------
class NoPath(msgspec.Struct, frozen=True):
    """Searches are sent to the root of WebDAV."""

    path: str = ""


@routes.add("SEARCH", "/dav/{*path}", Guard.USER, params=NoPath, access=Access.OWN, csrf=False)
async def search(call: Call[NoPath]) -> Reply:
    """Find a file by its id, or files by name, type, size or time, and return their properties."""
    try:
        query = parse_search(call.body)
        found = await call.world.db.read_aside(lambda tx: service.search(tx, call.caller.actor, query))
    except TalkError as error:
        return refused(error)
    base = address_of(call, "files", call.user_id)
    return multistatus(await asyncio.to_thread(view.multistatus, base, found, query.wanted))
