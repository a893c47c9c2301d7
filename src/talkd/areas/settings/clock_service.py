"""One steady scale of time for all processes that use a database (`core/clock.py`).

Stored moments are compared after a restart. So the database keeps when the machine started, on the scale that the
first process after that start chose. Later processes go on from there, whatever the clock of the machine says by then.
After a new start of the machine, only its clock knows how long it was off.
"""

from pathlib import Path

import msgspec

from talkd.areas.settings import store
from talkd.areas.settings.clock_store import get_latest_moment
from talkd.core import clock
from talkd.storage.database import Tx

FACT = "clock"
BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Linux writes another text into it at each start of the machine."""


class Scale(msgspec.Struct, frozen=True):
    """The moment of a start of the machine."""

    boot: str
    start: float


def get_boot() -> str:
    """Return what tells this start of the machine from others; empty where nothing does."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


async def find_scale(tx: Tx) -> Scale | None:
    """Return the kept scale if it was made since the machine started."""
    kept = await store.get_fact(tx, FACT)
    if kept is None:
        return None
    scale = msgspec.json.decode(kept, type=Scale)
    return scale if scale.boot and scale.boot == get_boot() else None


async def follow_scale(tx: Tx) -> None:
    """Measure time as the server does. Only reads."""
    scale = await find_scale(tx)
    if scale is not None:
        clock.go_on_from(scale.start)


async def keep_scale(tx: Tx) -> None:
    """Go on with the kept scale, or keep this process's. It never begins before a stored moment."""
    latest = await get_latest_moment(tx)
    await follow_scale(tx)
    if clock.steady() < latest:
        clock.go_on_from(latest - clock.ticks())
    scale = Scale(get_boot(), clock.get_start())
    if scale != await find_scale(tx):
        await store.set_fact(tx, FACT, msgspec.json.encode(scale).decode())
