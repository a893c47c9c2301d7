"""`talkd` and `python -m talkd`."""

from talkd.cli.root import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
