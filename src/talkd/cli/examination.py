"""The program of the process that runs the checks of `talkd doctor` for a server: `python -m talkd.cli.examination`.

It reads the server's settings as JSON from standard input, and prints the findings as JSON.
"""

import asyncio
import sys

import msgspec

from talkd import logs
from talkd.cli import checks
from talkd.config import Config


def main() -> None:
    """Run the checks."""
    config = msgspec.json.decode(sys.stdin.buffer.read(), type=Config)
    with logs.silenced():
        findings = asyncio.run(checks.examine(config))
    sys.stdout.buffer.write(msgspec.json.encode(findings))


if __name__ == "__main__":
    main()
