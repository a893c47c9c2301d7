"""The storages for contents of files. Each test runs on the local disk and on S3."""

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from support.parts import needs_limits
from support.processes import environment_with
from support.running import free_port, unique
from support.s3 import KEYS, S3, running_s3
from talkd.blobs import open_blobs
from talkd.blobs.disk import UNFINISHED
from talkd.blobs.interface import KEY_LENGTH, Blobs, Draft, Gone
from talkd.blobs.s3 import MAX_SIZE, PART, READ
from talkd.config import Config, ConfigError
from talkd.core.streams import FilePart, Stream

MEGABYTE = 1 << 20
LARGE = 200 * MEGABYTE
MOST_MEMORY = 64 * MEGABYTE
"""How much a process may grow while it stores and reads LARGE bytes."""

PARTS = [
    (),
    (b"",),
    (b"small",),
    (b"a" * 100, b"", b"b"),
    (bytes(range(256)) * (PART // 256), b"x"),
    (b"y" * MEGABYTE,) * 12,
]
"""What is written, part by part: nothing, little, and more than S3 takes in one request."""


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        yield server


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["disk", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The settings of an empty storage; `s3` and `folder` are where it is, if it is on S3."""
    config = Config(data=str(tmp_path))
    if request.param == "disk":
        return SimpleNamespace(config=config, s3=None, folder="")
    server: S3 = request.getfixturevalue("s3")
    folder = unique("folder")
    config.files.storage = server.url(folder)
    return SimpleNamespace(config=config, s3=server, folder=folder)


@pytest.fixture
async def blobs(place: Any) -> AsyncIterator[Blobs]:
    """An empty storage."""
    made = open_blobs(place.config)
    yield made
    await made.close()


async def store(blobs: Blobs, *parts: bytes) -> str:
    """Store a blob and return its key."""
    draft = blobs.create()
    for part in parts:
        await draft.write(part)
    await draft.finish()
    return draft.key


async def read(stream: Stream) -> bytes:
    """Read a stream to its end, and close it."""
    if isinstance(stream, FilePart):
        with stream.file as file:
            file.seek(stream.start)
            return file.read(stream.size)
    return b"".join([part async for part in stream.parts])


async def write_on(draft: Draft) -> None:
    """Write more than the library keeps in memory."""
    for _ in range(40):
        await draft.write(bytes(MEGABYTE))


async def keys_in(blobs: Blobs) -> dict[str, int]:
    return {found.key: found.size async for found in blobs.list()}


def is_empty(place: Any, path: Path) -> bool:
    """Return True if nothing at all is in the storage, finished or not."""
    if place.s3 is not None:
        return not place.s3.list_objects(place.folder) and not place.s3.count_unfinished(place.folder)
    return not [each for each in path.rglob("*") if each.is_file()]


class TestEveryStorage:
    @pytest.mark.parametrize("parts", PARTS, ids=range(len(PARTS)))
    async def test_a_blob_is_read_as_it_was_written(self, blobs: Blobs, parts: tuple[bytes, ...]) -> None:
        whole = b"".join(parts)
        key = await store(blobs, *parts)
        assert len(key) == KEY_LENGTH
        assert await read(await blobs.open(key, 0, len(whole))) == whole
        assert await keys_in(blobs) == {key: len(whole)}

    async def test_parts_of_a_blob_are_read(self, blobs: Blobs) -> None:
        whole = os.urandom(3 * READ + 17)
        key = await store(blobs, whole)
        for start, size in ((0, 1), (5, 10), (READ - 1, 2), (1, 2 * READ), (len(whole) - 1, 1), (3, 0)):
            assert await read(await blobs.open(key, start, size)) == whole[start : start + size]

    async def test_nothing_is_readable_before_the_end(self, blobs: Blobs) -> None:
        draft = blobs.create()
        for _ in range(12):
            await draft.write(bytes(MEGABYTE))
        with pytest.raises(Gone):
            await blobs.open(draft.key, 0, 1)
        await draft.finish()
        assert await read(await blobs.open(draft.key, 0, 1)) == b"\0"

    @pytest.mark.parametrize("size", [0, 1, PART, 2 * PART + 1])
    async def test_nothing_is_left_of_what_is_discarded(
        self, blobs: Blobs, place: Any, tmp_path: Path, size: int
    ) -> None:
        for is_finished in (False, True):
            draft = blobs.create()
            for start in range(0, size, MEGABYTE):
                await draft.write(bytes(min(MEGABYTE, size - start)))
            if is_finished:
                await draft.finish()
            await draft.discard()
            await draft.discard()
            with pytest.raises(Gone):
                await blobs.open(draft.key, 0, 1)
            assert is_empty(place, tmp_path)

    async def test_what_is_removed_is_gone(self, blobs: Blobs) -> None:
        key, other = await store(blobs, b"one"), await store(blobs, b"two")
        await blobs.remove(key)
        await blobs.remove(key)
        with pytest.raises(Gone):
            await blobs.open(key, 0, 3)
        assert await keys_in(blobs) == {other: 3}

    async def test_the_list_has_everything_with_its_age(self, blobs: Blobs) -> None:
        assert await keys_in(blobs) == {}
        stored = {await store(blobs, bytes(size)): size for size in range(40)}
        found = [each async for each in blobs.list()]
        assert {each.key: each.size for each in found} == stored
        assert all(0 <= each.age < 60 for each in found)

    async def test_the_list_of_a_part_has_the_keys_that_begin_with_it(self, blobs: Blobs) -> None:
        stored = [await store(blobs, b"x") for _ in range(40)]
        unfinished = blobs.create()
        await unfinished.write(b"x")
        for part in {key[:2] for key in stored}:
            listed = {found.key for found in [each async for each in blobs.list(part)] if found.is_finished}
            assert listed == {key for key in stored if key.startswith(part)}
        await unfinished.discard()

    async def test_the_size_of_a_blob_is_known(self, blobs: Blobs) -> None:
        for size in (0, 7, PART + 1):
            assert await blobs.get_size(await store(blobs, bytes(size))) == size
        with pytest.raises(Gone):
            await blobs.get_size("0" * 32)

    async def test_blobs_are_written_and_read_at_the_same_time(self, blobs: Blobs) -> None:
        contents = [os.urandom(number * MEGABYTE // 2) for number in range(12)]
        stored = await asyncio.gather(*(store(blobs, each[:1000], each[1000:]) for each in contents))
        streams = await asyncio.gather(
            *(blobs.open(key, 0, len(each)) for key, each in zip(stored, contents, strict=True))
        )
        assert await asyncio.gather(*map(read, streams)) == contents

    @needs_limits
    def test_a_large_blob_needs_little_memory(self, place: Any, tmp_path: Path) -> None:
        script = (
            "import asyncio, hashlib, re, sys, msgspec\n"
            "from pathlib import Path\n"
            "from talkd.blobs import open_blobs\n"
            "from talkd.config import Config\n"
            "from talkd.core.streams import FilePart\n"
            "def memory():\n"
            "    return 1024 * int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
            "async def main():\n"
            "    blobs = open_blobs(msgspec.json.decode(sys.stdin.buffer.read(), type=Config))\n"
            "    first = blobs.create()\n"
            "    await first.write(b'x')\n"
            "    await first.finish()\n"
            f"    before, draft, size = memory(), blobs.create(), {LARGE}\n"
            "    for number in range(size // 524288): await draft.write(number.to_bytes(4, 'big') * 131072)\n"
            "    await draft.finish()\n"
            "    found, hashed = await blobs.open(draft.key, 0, size), hashlib.sha256()\n"
            "    if isinstance(found, FilePart):\n"
            "        with found.file: hashed = hashlib.file_digest(found.file, 'sha256')\n"
            "    else:\n"
            "        async for part in found.parts: hashed.update(part)\n"
            "    print(memory() - before, hashed.hexdigest())\n"
            "    await blobs.close()\n"
            "asyncio.run(main())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=msgspec.json.encode(place.config),
            capture_output=True,
            check=False,
            env=environment_with({}),
        )
        assert done.returncode == 0, done.stderr
        grown, digest = done.stdout.split()
        hashed = hashlib.sha256()
        for number in range(LARGE // 524288):
            hashed.update(number.to_bytes(4, "big") * 131072)
        assert digest.decode() == hashed.hexdigest()
        assert 0 < int(grown) < MOST_MEMORY


class TestDisk:
    async def test_only_the_owner_can_read_files(self, tmp_path: Path) -> None:
        blobs = open_blobs(Config(data=str(tmp_path)))
        unfinished = blobs.create()
        await unfinished.write(b"x")
        key = await store(blobs, b"secret")
        for path in (tmp_path / "files").rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path
        assert (tmp_path / "files" / key[:2] / key).read_bytes() == b"secret"
        assert (tmp_path / "files" / UNFINISHED / unfinished.key).exists()
        await unfinished.discard()

    @pytest.mark.parametrize("folder", ["files/aa", "files"])
    async def test_a_folder_that_was_removed_is_created_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
    ) -> None:
        monkeypatch.setattr("talkd.blobs.disk.new_key", lambda: f"aa{os.urandom(15).hex()}")
        blobs = open_blobs(Config(data=str(tmp_path)))
        await blobs.remove(await store(blobs, b"first"))
        shutil.rmtree(tmp_path / folder)
        key = await store(blobs, b"second")
        assert await keys_in(blobs) == {key: 6}

    async def test_what_a_writer_left_behind_is_listed(self, tmp_path: Path) -> None:
        blobs = open_blobs(Config(data=str(tmp_path)))
        draft = blobs.create()
        await draft.write(bytes(MEGABYTE))
        assert [(each.key, each.is_finished) async for each in blobs.list()] == [(draft.key, False)]
        assert [each async for each in blobs.list(draft.key[:2])]
        await blobs.remove(draft.key)
        assert not await keys_in(blobs)
        await draft.discard()


class TestS3:
    """What can fail between talkd and S3."""

    async def test_an_unreachable_storage_is_an_error_without_credentials(self) -> None:
        config = Config()
        config.files.storage = f"s3://contents/a?endpoint=http://127.0.0.1:{free_port()}"
        blobs = open_blobs(config)
        draft = blobs.create()
        await draft.write(b"x")
        for failing in (
            draft.finish,
            lambda: store(blobs, *[bytes(MEGABYTE)] * 8),
            lambda: blobs.open("0" * 32, 0, 1),
            lambda: blobs.remove("0" * 32),
            lambda: keys_in(blobs),
        ):
            with pytest.raises(OSError, match="S3 storage failed") as caught:
                await failing()
            assert caught.value.__cause__ is None
            assert not any(value in str(caught.value) for value in KEYS.values())
        await draft.discard()

    async def test_a_missing_bucket_is_an_error_and_no_missing_blob(self, s3: S3) -> None:
        config = Config()
        config.files.storage = f"s3://nowhere/a?endpoint={s3.endpoint}"
        blobs = open_blobs(config)
        with pytest.raises(OSError, match="NoSuchBucket"):
            await blobs.open("0" * 32, 0, 1)
        with pytest.raises(OSError, match="NoSuchBucket"):
            await store(blobs, b"x")

    def test_files_may_not_be_larger_than_an_object(self) -> None:
        config = Config()
        config.files.storage, config.files.max_file = "s3://contents", MAX_SIZE
        open_blobs(config)
        config.files.max_file += 1
        with pytest.raises(ConfigError, match=r"files\.max_file: .*on S3, the maximum is"):
            open_blobs(config)

    async def test_an_object_that_was_cut_is_an_error(self, s3: S3) -> None:
        config = Config()
        config.files.storage = s3.url(unique("folder"))
        blobs = open_blobs(config)
        key = await store(blobs, b"12345")
        with pytest.raises(OSError, match="shorter"):
            await blobs.open(key, 0, 10)
        with pytest.raises(OSError, match="InvalidRange"):
            await blobs.open(key, 10, 10)

    async def test_a_storage_that_ends_fails_the_upload(self) -> None:
        with running_s3() as server:
            config = Config()
            config.files.storage = server.url("a")
            draft = open_blobs(config).create()
            for _ in range(12):
                await draft.write(bytes(MEGABYTE))
            server.stop()
            with pytest.raises(OSError, match="S3 storage failed"):
                await write_on(draft)
            with pytest.raises(OSError, match="S3 storage failed"):
                await draft.finish()
            await draft.discard()
