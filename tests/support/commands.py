"""The command line on the database of a running server."""

import os
from unittest.mock import patch

from typer.testing import CliRunner

from support.running import Server
from talkd.cli.root import app


def run_command(server: Server, *words: str, stdin: str = "", **environment: str) -> str:
    """Run `talkd WORDS` on the database of a server, and return what it prints."""
    where = {"TALKD_DATA": server.config.data, "TALKD_DATABASE_URL": server.config.database.url}
    with patch.dict(os.environ, {**{name: value for name, value in where.items() if value}, **environment}):
        result = CliRunner().invoke(app, words, input=stdin)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output
