"""The only source of time. Tests own it by replacing `source` and `ticks`.

There are two scales. `now` is the date: what is shown, and what people choose, such as a reminder. `steady` is for
durations: how long a session is silent, a call lasts or a log-in is valid. Setting the machine's clock moves the date
but not the steady scale.
"""

import time
from collections.abc import Callable

source: Callable[[], float] = time.time
"""The date in seconds; it may jump."""


_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)
"""Linux has it; it counts on while the machine sleeps."""


def _ticks() -> float:
    return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)


ticks: Callable[[], float] = _ticks
"""Seconds since the machine started, which never jump."""

_start = source() - ticks()


def now() -> int:
    """Unix time in whole seconds, the API's granularity."""
    return int(source())


def steady() -> int:
    """Return the moment on the steady scale, in whole seconds. It is the Unix time unless the clock was set."""
    return int(_start + ticks())


def date_of(moment: int) -> int:
    """Return the Unix time of a moment on the steady scale; 0 stays 0, which means never."""
    return moment + _shift() if moment else 0


def moment_of(date: int) -> int:
    """Return the moment on the steady scale of a Unix time; 0 stays 0."""
    return date - _shift() if date else 0


def _shift() -> int:
    return round(source() - ticks() - _start)


def get_start() -> float:
    """Return the moment on the steady scale at which the machine started."""
    return _start


def go_on_from(start: float) -> None:
    """Go on with the steady scale of an earlier process, which knew when the machine started."""
    global _start  # noqa: PLW0603 - a process has one scale
    _start = start
