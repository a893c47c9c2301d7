"""Progress of long commands: bars on a terminal, nothing elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from talkd.backups.progress import Advance, NoProgress, Progress

WIDTH = 14


class Bars:
    """Shows a bar on standard error for each step."""

    @contextmanager
    def begin(self, label: str, total: int) -> Iterator[Advance]:
        """Begin a step."""
        with click.progressbar(length=max(1, total), label=f"{label:{WIDTH}}", file=sys.stderr) as bar:
            yield bar.update
            bar.finish()


def progress(*, quiet: bool) -> Progress:
    """Return what shows the progress of a command."""
    return NoProgress() if quiet or not sys.stderr.isatty() else Bars()
