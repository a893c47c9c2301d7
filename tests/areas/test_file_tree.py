"""Random changes of a folder tree: what is listed, all sizes, and the uses of contents are as in a simple model."""

import hashlib
from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.files import Files
from support.running import Server
from talkd.areas.files import service as tree
from talkd.areas.files.examination_service import list_tree
from talkd.storage.database import Tx
from talkd.storage.file_schema import blobs, upload_parts, uploads
from talkd.storage.statements import Statement, bind

Tree = dict[str, Any]
"""Folders and the contents of files, by name."""
Path = tuple[str, ...]

_USES = Statement(blobs.select().with_only_columns(blobs.c.uses).where(blobs.c.sha256 == bind("sha256")))
_PARTS = Statement(
    upload_parts.select()
    .with_only_columns(upload_parts.c.key)
    .where(upload_parts.c.upload_id == uploads.c.id, uploads.c.user_id == bind("user_id"))
)


class Model:
    """What the tree of an account must be."""

    def __init__(self) -> None:
        self.root: Tree = {}

    def find(self, path: Path) -> Tree | bytes | None:
        """Return a folder or contents, or None."""
        here: Any = self.root
        for name in path:
            here = here.get(name) if isinstance(here, dict) else None
        found: Tree | bytes | None = here
        return found

    def parent(self, path: Path) -> Tree | None:
        """Return the folder of a path, or None if there is none."""
        found = self.find(path[:-1])
        return found if isinstance(found, dict) else None

    def mkcol(self, path: Path) -> int:
        """Create a folder, and return the status that the server must answer with."""
        if self.find(path) is not None:
            return 405
        parent = self.parent(path)
        if parent is None:
            return 409
        parent[path[-1]] = {}
        return 201

    def put(self, path: Path, content: bytes) -> int:
        """Write a file, and return the status."""
        parent, old = self.parent(path), self.find(path)
        if parent is None or isinstance(old, dict):
            return 409
        parent[path[-1]] = content
        return 201 if old is None else 204

    def delete(self, path: Path) -> int:
        """Delete an entry, and return the status."""
        parent = self.parent(path)
        return 204 if parent is not None and parent.pop(path[-1], None) is not None else 404

    def transfer(self, source: Path, target: Path, *, overwrite: bool, copies: bool, whole: bool = True) -> int:
        """Move or copy an entry, and return the status."""
        moved, parent, old = self.find(source), self.parent(target), self.find(target)
        if moved is None:
            return 404
        if source != target and (target[: len(source)] == source or source[: len(target)] == target):
            return 403
        if parent is None:
            return 409
        if old is not None and not overwrite:
            return 412
        if source == target:
            return 403
        if copies:
            moved = copy_of(moved) if whole or isinstance(moved, bytes) else {}
        else:
            self.delete(source)
        parent[target[-1]] = moved
        return 201 if old is None else 204

    def listed(self) -> dict[str, int]:
        """Return the size of every entry by its path."""
        return dict(_sizes(self.root, "/"))

    def uses(self, content: bytes) -> int:
        """Return in how many files the contents are."""
        return sum(each == content for each in _contents(self.root))


def copy_of(tree: Tree | bytes) -> Tree | bytes:
    return tree if isinstance(tree, bytes) else {name: copy_of(each) for name, each in tree.items()}


def _contents(tree: Tree | bytes) -> list[bytes]:
    return [tree] if isinstance(tree, bytes) else [found for each in tree.values() for found in _contents(each)]


def _sizes(tree: Tree | bytes, path: str) -> list[tuple[str, int]]:
    own = (path, sum(map(len, _contents(tree))))
    if isinstance(tree, bytes):
        return [own]
    below = [_sizes(each, f"{path}{name}{'' if isinstance(each, bytes) else '/'}") for name, each in tree.items()]
    return [own, *(each for part in below for each in part)]


PATHS = st.sampled_from([tuple(path) for path in ("a", "b", "c", "aa", "ab", "ba", "aaa", "aab")])
ENDS = (b"", b"1", b"22", b"4444")
STEPS = st.one_of(
    st.tuples(st.just("MKCOL"), PATHS),
    st.tuples(st.just("MKCOL"), PATHS),
    st.tuples(st.just("PUT"), PATHS, st.sampled_from(ENDS)),
    st.tuples(st.just("PUT"), PATHS, st.sampled_from(ENDS)),
    st.tuples(st.just("pieces"), PATHS, st.sampled_from(ENDS)),
    st.tuples(st.just("DELETE"), PATHS),
    st.tuples(st.just("MOVE"), PATHS, PATHS, st.booleans()),
    st.tuples(st.just("COPY"), PATHS, PATHS, st.booleans(), st.booleans()),
)


def text_of(path: Path) -> str:
    return "/" + "/".join(path)


def take(files: Files, model: Model, step: tuple[Any, ...], mark: bytes) -> None:
    """Change the tree and the model, whose answers must be equal. `mark` begins the contents of all files."""
    kind, path, *more = step
    shown = text_of(path)
    if kind == "MKCOL":
        assert files.status("MKCOL", shown) == model.mkcol(path)
    elif kind == "PUT":
        assert files.status("PUT", shown, mark + more[0]) == model.put(path, mark + more[0])
    elif kind == "pieces":
        assert put_in_pieces(files, shown, (mark, more[0])) == model.put(path, mark + more[0])
    elif kind == "DELETE":
        assert files.status("DELETE", shown) == model.delete(path)
    elif kind == "MOVE":
        status = files.move(shown, text_of(more[0]), Overwrite="FT"[more[1]])
        assert status == model.transfer(path, more[0], overwrite=more[1], copies=False)
    else:
        depth = "infinity" if more[2] else "0"
        status = files.move(shown, text_of(more[0]), "COPY", Overwrite="FT"[more[1]], Depth=depth)
        assert status == model.transfer(path, more[0], overwrite=more[1], copies=True, whole=more[2])


def put_in_pieces(files: Files, path: str, pieces: tuple[bytes, ...]) -> int:
    """Upload a file in pieces, and return the status of the last request."""
    uploads = Files(files.person, files.root.replace("/files/", "/uploads/"))
    uploads.request("MKCOL", "/pieces")
    for number, piece in enumerate(pieces, 1):
        uploads.put(f"/pieces/{number}", piece)
    base = str(files.person.http.base_url).rstrip("/")
    try:
        return uploads.status("MOVE", "/pieces/.file", Destination=f"{base}{files.root}{path}")
    finally:
        uploads.request("DELETE", "/pieces")


@given(steps=st.lists(STEPS, min_size=20, max_size=40))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_changes_keep_the_tree_exact(server: Server, steps: list[tuple[Any, ...]]) -> None:
    files, model = Files(server.add_user("tree")), Model()
    mark = files.person.id.encode()
    for step in steps:
        take(files, model, step, mark)
    listed = Files(files.person, files.root)
    names = ("oc:size", "d:quota-used-bytes")
    found = {path: int(each["size"]) for path, each in listed.list("/", "infinity", *names).items()}
    assert found == model.listed()
    numbers = server.read(lambda tx: get_numbers(tx, files.person.id))
    assert numbers == {path: count_inside(path, found) for path in found if path.endswith("/")}
    assert listed.list("/", 0, *names)["/"]["quota-used-bytes"] == str(model.listed()["/"])
    server.run_job("delete_removed_files")
    for end in ENDS:
        content = mark + end
        assert server.read(lambda tx, content=content: uses_of(tx, content)) == (model.uses(content) or None)  # type: ignore[misc]
    assert server.read(lambda tx: tx.values(_PARTS, user_id=files.person.id)) == []
    server.close_clients()


def count_inside(folder: str, paths: Iterable[str]) -> int:
    return sum(path.startswith(folder) for path in paths) - 1


async def get_numbers(tx: Tx, user_id: str) -> dict[str, int]:
    """Return the noted numbers of entries in the folders of an account, by path."""
    root = await tree.get_root(tx, user_id)
    below = {f"/{path}/": entry.inside for path, entry in await list_tree(tx, root) if entry.is_folder}
    return {"/": root.inside, **below}


async def uses_of(tx: Tx, content: bytes) -> int | None:
    found: int | None = await tx.value(_USES, sha256=hashlib.sha256(content).hexdigest())
    return found
