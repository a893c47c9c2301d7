"""The only source of time. Tests own it by replacing `source`."""

import time
from collections.abc import Callable

source: Callable[[], float] = time.time


def now() -> int:
    """Unix time in whole seconds, the API's granularity."""
    return int(source())
