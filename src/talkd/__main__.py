"""The entry point of `talkd` and `python -m talkd`."""

import sys

INTERRUPTED = 130
"""Exit status of a command ended by Ctrl-C, as in shells."""


def main() -> None:
    """Run the command line. Ctrl-C ends it without a stack trace, even while modules are still loading."""
    try:
        from talkd.cli.root import app

        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
