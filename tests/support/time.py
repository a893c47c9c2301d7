"""Move the clocks of servers in this process."""

import time

import pytest

from talkd.core import clock

_TICKS = clock.ticks


def pass_time(patch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let seconds pass, counted from the real time. The date moves too."""
    set_date(patch, seconds)
    patch.setattr(clock, "ticks", lambda: _TICKS() + seconds)


def set_date(patch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the machine's clock to a number of seconds from the real time, without letting time pass."""
    patch.setattr(clock, "source", lambda: time.time() + seconds)


def stop_time(patch: pytest.MonkeyPatch, date: int) -> None:
    """Stop both clocks at a Unix time."""
    patch.setattr(clock, "source", lambda: date + 0.5)
    patch.setattr(clock, "ticks", lambda: date + 0.5 - clock.get_start())
