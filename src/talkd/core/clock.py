"""The only source of time. Tests control it by replacing `source` and `ticks`.

There are two scales. `now` is the date, for times that are shown or that users choose, such as that of a reminder.
`steady` is for durations, such as the length of a call or the lifetime of a login. Setting the machine's clock changes
the date, but not the steady scale.
"""

import time
from collections.abc import Callable

source: Callable[[], float] = time.time
"""Unix time in seconds. It jumps when the machine's clock is set."""


_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)
"""Only Linux has this clock. It also counts while the machine is suspended."""


def _ticks() -> float:
    return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)


ticks: Callable[[], float] = _ticks
"""Seconds since the machine started. It never jumps."""

_start = source() - ticks()


def now() -> int:
    """Return the Unix time in whole seconds."""
    return int(source())


def steady() -> int:
    """Return the current moment on the steady scale, in whole seconds. It is the Unix time unless the clock was set."""
    return int(_start + ticks())


def precise() -> float:
    """Return the current moment on the steady scale, in seconds."""
    return _start + ticks()


def date_of(moment: int) -> int:
    """Return the Unix time of a moment on the steady scale. 0, which means never, stays 0."""
    return moment + _shift() if moment else 0


def moment_of(date: int) -> int:
    """Return the moment on the steady scale of a Unix time. 0, which means never, stays 0."""
    return date - _shift() if date else 0


def _shift() -> int:
    return round(source() - ticks() - _start)


def get_start() -> float:
    """Return the moment on the steady scale at which the machine started."""
    return _start


def continue_from(start: float) -> None:
    """Continue the steady scale of an earlier process, whose `get_start` was `start`."""
    global _start  # noqa: PLW0603 - a process has one scale
    _start = start
