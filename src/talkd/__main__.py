"""The entry point of `talkd` and `python -m talkd`."""

import gc
import sys

from talkd.cli import INTERRUPTED

GARBAGE = (20_000, 50, 100)
"""Thresholds of the garbage collector. talkd makes few reference cycles, and a collection stops all requests. With
Python's thresholds, collections would also take a fifth of the start."""


def main() -> None:
    """Run the command line. Ctrl-C ends it without a stack trace, even while modules are still loading."""
    gc.set_threshold(*GARBAGE)
    try:
        from talkd.cli.root import app

        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
