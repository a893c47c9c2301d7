"""Copy a database into another one. A copy that was interrupted goes on where it stopped."""

from collections.abc import Sequence
from typing import Any

import msgspec

from talkd.backups.archive_reader import differences
from talkd.backups.checksums import RowSum, Values, encode_rows
from talkd.backups.model import Differs, PlaceRefused, Table, Tally
from talkd.backups.progress import Advance, Progress
from talkd.backups.source import Source
from talkd.backups.target import ORIGIN, Target, complete

_TABLE = "table:"
AT_ONCE = 5000
"""Rows that are stored in one transaction, at least."""
AGAIN = "remove the unfinished copy, and begin again"


class Origin(msgspec.Struct, frozen=True):
    """What an unfinished copy is a copy of. It changes if anything is written there that has a number or a time."""

    schema: str
    counters: dict[str, int]
    meta: Tally


class Position(msgspec.Struct, frozen=True):
    """How far a table is: the rows that are stored, and the key of the last one."""

    tally: Tally
    last: list[Any]


class Copied(msgspec.Struct, frozen=True):
    """What was copied."""

    rows: int
    tables: int
    continued_at: int
    """Number of rows that an earlier run had stored."""


async def copy(source: Source, target: Target, progress: Progress) -> Copied:
    """Copy everything, compare it, and upgrade the copy. Raises SafekeepingFailed, and the errors of the databases.

    Nobody may write to the source meanwhile.
    """
    revision = await source.require_revision()
    tables = await source.list_tables(revision)
    meta = next(table for table in tables if table.name == "meta")
    origin = Origin(revision, await source.get_counters(), await source.tally(meta, lambda _: None))
    positions = await _begin(target, origin)
    stored = sum(position.tally.rows for position in positions.values())
    total = sum([await source.count(table) for table in tables])
    with progress.begin("Copying", total) as advance:
        advance(stored)
        for table in tables:
            await _copy_table(source, target, table, positions.get(table.name), advance)
    async with target.step():
        await target.set_counters(origin.counters)
    try:
        await complete(target, progress)
        await _require_equal(source, target, tables, total, progress)
        await target.publish(revision, progress)
    except ValueError as error:
        raise PlaceRefused(f"the rows of the database do not fit together: {error}") from error
    return Copied(total, len(tables), stored)


async def _begin(target: Target, origin: Origin) -> dict[str, Position]:
    """Create the tables, or return how far an earlier run was. Raises PlaceRefused for a copy of something else."""
    async with target.step():
        before = (await target.list_state(ORIGIN)).get(ORIGIN) if await target.has_state() else None
    if before is None:
        await target.create(origin.schema, {ORIGIN: msgspec.json.encode(origin).decode()})
        return {}
    if msgspec.json.decode(before, type=Origin) != origin:
        raise PlaceRefused(
            f"the target holds an unfinished copy of another database, or of this one before it was changed: {AGAIN}"
        )
    async with target.step():
        found = await target.list_state(_TABLE)
    return {key.removeprefix(_TABLE): msgspec.json.decode(text, type=Position) for key, text in found.items()}


async def _copy_table(
    source: Source, target: Target, table: Table, position: Position | None, advance: Advance
) -> None:
    """Store the rest of a table. Rows and position are stored together, so that a killed copy repeats none."""
    key = await source.get_key(table)
    places = [table.names.index(name) for name in key]
    total = RowSum(position.tally if position else None)
    waiting: list[Values] = []

    async def store() -> None:
        total.add(encode_rows(waiting))
        last = [waiting[-1][place] for place in places]
        text = msgspec.json.encode(Position(total.tally, last)).decode()
        try:
            async with target.step():
                await target.load(table, waiting)
                await target.set_state(_TABLE + table.name, text)
        except ValueError as error:
            raise PlaceRefused(f"a row of {table.name} cannot be stored: {error}") from error
        advance(len(waiting))
        waiting.clear()

    async for rows in source.read_after(table, key, position.last if position else None):
        waiting += rows
        if len(waiting) >= AT_ONCE or table.has_bytes:
            await store()
    if waiting:
        await store()


async def _require_equal(
    source: Source, target: Target, tables: Sequence[Table], total: int, progress: Progress
) -> None:
    """Read all rows of both databases. Raises Differs if they are not the same."""
    wanted, found = {}, {}
    with progress.begin("Comparing", 2 * total) as advance:
        for table in tables:
            wanted[table.name] = await source.tally(table, advance)
            async with target.step():
                found[table.name] = await target.source.tally(table, advance)
    wrong = differences(found, wanted)
    if wrong:
        raise Differs(f"the table {wrong[0]} is not the same in both databases: {AGAIN}")
