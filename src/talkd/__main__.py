"""`talkd` and `python -m talkd`."""

import sys

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C has ended, as shells have it."""


def main() -> None:
    """Run the command line. Ctrl-C ends it without a stack trace, also in the second that loading takes."""
    try:
        from talkd.cli.root import app

        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
