"""Use cases of WebDAV: the caller's own entries, and the files that others have shared with them in rooms."""

from talkd.areas.attachments import service as attachments
from talkd.areas.attachments.model import shared_path
from talkd.areas.dav.model import DAV, Change, Depth, Name, parse_moment
from talkd.areas.dav.search_model import Search
from talkd.areas.dav.view import Node
from talkd.areas.files import quota_service as quotas
from talkd.areas.files import service
from talkd.areas.files.media_model import has_preview
from talkd.areas.files.model import Blob, Entry, Limits, Path, require_name
from talkd.areas.files.quota_model import UNLIMITED
from talkd.areas.files.service import Condition
from talkd.areas.users import service as users
from talkd.core.actor import Actor
from talkd.core.errors import Conflict, Forbidden, NotAllowedHere, NotFound
from talkd.core.names import folded
from talkd.storage.database import Tx

MAX_LISTED = 20_000
"""Maximum number of entries that a PROPFIND lists if it asks for everything inside all folders."""


async def access_file(tx: Tx, user: Actor, path: Path) -> tuple[Entry, Blob]:
    """Return the file at a path, the user's own or a shared one. Raises NotFound, and NotAllowedHere for a folder."""
    entry = await service.find(tx, user.id, path) or await attachments.find_received(tx, path, user)
    if entry is None:
        raise NotFound
    if entry.is_folder:
        raise NotAllowedHere(message="This is a folder.")
    return entry, await service.get_blob(tx, entry)


async def list_first(
    tx: Tx, user: Actor, path: Path, *, depth: Depth, limits: Limits, limit: int
) -> tuple[Node, list[Node]]:
    """Return the entry at a path, and the first of what is in it. Raises NotFound, and Forbidden for too much."""
    entry = await service.find(tx, user.id, path)
    if entry is None:
        received = await attachments.find_received(tx, path, user)
        if received is None:
            raise NotFound
        return await _received(tx, received, path), []
    if not entry.is_folder:
        return _node(entry, path, user), []
    free = (await quotas.get_spaces(tx, [user.id], limits))[user.id].free
    top = _node(entry, path, user, free)
    if depth is Depth.ALL:
        _require_few(entry)
    return top, [] if depth is Depth.NONE else await list_page(tx, user, top, after="", limit=limit)


async def list_page(tx: Tx, user: Actor, folder: Node, *, after: str, limit: int) -> list[Node]:
    """Return the next `limit` entries of a folder after a name."""
    page = await service.list_page(tx, folder.entry, after=after, limit=limit)
    return [_node(each, (*folder.path, each.name), user, folder.free) for each in page]


def _require_few(folder: Entry) -> None:
    """Raises Forbidden for more than MAX_LISTED entries."""
    if folder.inside > MAX_LISTED:
        raise Forbidden(message=f"More than {MAX_LISTED} entries cannot be listed at once.")


async def _list_inside(tx: Tx, top: Entry, path: Path) -> list[tuple[Entry, Path]]:
    """Return everything in a folder, with paths. Raises Forbidden for more than MAX_LISTED entries."""
    _require_few(top)
    found: list[tuple[Entry, Path]] = []
    waiting = [(top, path)]
    while waiting:
        folder, place = waiting.pop()
        inside = [(each, (*place, each.name)) for each in await service.list_folder(tx, folder)]
        found += inside
        waiting += ((each, where) for each, where in reversed(inside) if each.is_folder)
    return found


def _node(entry: Entry, path: Path, owner: Actor, free: int = UNLIMITED) -> Node:
    return Node(entry, path, owner.name, has_preview(entry.media_type), free=free)


async def _received(tx: Tx, entry: Entry, path: Path) -> Node:
    names = await users.get_names(tx, [entry.user_id])
    owner_name = names.get(entry.user_id, entry.user_id)
    return Node(entry, path, owner_name, has_preview(entry.media_type), is_received=True)


async def search(tx: Tx, user: Actor, query: Search) -> list[Node]:
    """Return what a search finds: a file by its id, or entries in a folder of the user.

    Raises NotFound without the folder, and Forbidden if it has more than MAX_LISTED entries.
    """
    if query.file_id:
        node = await find_node(tx, user, query.file_id)
        return [node] if node is not None else []
    if folded(query.user_id) != folded(user.id):
        raise NotFound
    folder = await service.access_entry(tx, user.id, query.path)
    inside = await _list_inside(tx, folder, query.path)
    found = [(entry, path) for entry, path in inside if query.test(entry)]
    return [_node(entry, path, user) for entry, path in found[: query.most]]


async def find_node(tx: Tx, user: Actor, file_id: int) -> Node | None:
    """Return the file with this id, if it is shared with the user, or their own file or folder, or None."""
    entry = await service.find_by_id(tx, file_id)
    if entry is None:
        return None
    if entry.user_id != user.id:
        if entry.is_folder:
            return None
        found = await attachments.find_share_for(tx, entry, user)
        if found is None or await service.get_path(tx, entry) is None:
            return None
        share, token = found
        return await _received(tx, entry, shared_path(token, entry.id, share.name))
    path = await service.get_path(tx, entry)
    return None if path is None else _node(entry, path, user)


async def require_can_put(
    tx: Tx, user_id: str, path: Path, condition: Condition, limits: Limits, *, size: int, creates_folders: bool
) -> int | None:
    """Check what is known before the contents are received. Return how many bytes they may have, or None for no limit.

    Raises the errors of `files.service.put`.
    """
    old = await service.find(tx, user_id, path)
    service.require_condition(condition, old)
    if old is None and path:
        require_name(path[-1])
    if old is not None and old.is_folder:
        raise Conflict(message="A folder is at this path.")
    if old is None:
        await service.require_entries(tx, user_id, 1, limits)
    if old is None and not creates_folders:
        parent = await service.find(tx, user_id, path[:-1])
        if parent is None or not parent.is_folder:
            raise Conflict(message="The parent folder does not exist.")
    freed = old.size if old is not None else 0
    await service.require_space(tx, user_id, size - freed, limits)
    space = await service.find_space(tx, user_id, limits)
    return None if space is None else space + freed


async def change(tx: Tx, user: Actor, path: Path, changes: list[Change]) -> tuple[Node, list[tuple[Name, int]]]:
    """Set the time of the last change if a client asks for it, and for nothing else. Raises NotFound.

    Return the entry, and a status for each property: if one is refused, the others are not set either.
    """
    await service.lock_root(tx, user.id)
    entry = await service.access_entry(tx, user.id, path)
    settable = {(DAV, "lastmodified"), (DAV, "getlastmodified")}
    times = [parse_moment(each.value) if each.name in settable and each.value else None for each in changes]
    is_done = all(time is not None for time in times)
    if is_done and times:
        entry = await service.set_modified(tx, entry, times[-1] or 0)
    results = [
        (each.name, 200 if is_done else 403 if time is None else 424) for each, time in zip(changes, times, strict=True)
    ]
    return _node(entry, path, user), results
