"""Give all processes that use a database the same steady time scale (`core/clock.py`).

Moments that are stored before a restart of talkd are compared with later ones. So the first process after a start of
the machine stores the moment of that start on its own scale. Later processes continue this scale, even if the machine's
clock was set meanwhile. After a restart of the machine, only its clock tells how long it was off.
"""

from pathlib import Path

import msgspec

from talkd.areas.settings import store
from talkd.core import clock
from talkd.storage.database import Tx

FACT = "clock"
BOOT = Path("/proc/sys/kernel/random/boot_id")
"""A file with a random id that Linux changes at each start of the machine."""


class Scale(msgspec.Struct, frozen=True):
    """When the machine started, on the steady scale. `boot` identifies the start."""

    boot: str
    start: float


def get_boot() -> str:
    """Return the id of this start of the machine, or "" if the system has none."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


async def find_scale(tx: Tx) -> Scale | None:
    """Return the stored scale if it belongs to this start of the machine, else None."""
    kept = await store.get_fact(tx, FACT)
    if kept is None:
        return None
    scale = msgspec.json.decode(kept, type=Scale)
    return scale if scale.boot and scale.boot == get_boot() else None


async def follow_scale(tx: Tx) -> None:
    """Continue the stored scale in this process. Writes nothing."""
    scale = await find_scale(tx)
    if scale is not None:
        clock.continue_from(scale.start)


async def keep_scale(tx: Tx) -> None:
    """Continue the stored scale, or store this process's scale. The current moment is never before a stored one."""
    latest = await store.get_latest_moment(tx)
    await follow_scale(tx)
    if clock.steady() < latest:
        clock.continue_from(latest - clock.ticks())
    scale = Scale(get_boot(), clock.get_start())
    if scale != await find_scale(tx):
        await store.set_fact(tx, FACT, msgspec.json.encode(scale).decode())
