"""The tree of commands. A command imports large modules when it runs, so that `talkd --help` is fast."""

from importlib import import_module
from typing import Any

import click
from click.exceptions import Exit

from talkd import __version__
from talkd.cli import INTERRUPTED, bench, doctor, serve
from talkd.cli.command import Group

GROUPS = {
    "user": ("talkd.cli.user", "Accounts."),
    "group": ("talkd.cli.group", "Groups of accounts. Members of the group admin are administrators."),
    "config": ("talkd.cli.settings", "Settings of Talk (the app `spreed`). A running server applies changes at once."),
    "signaling": (
        "talkd.cli.signaling",
        "External signaling servers. Without any, talkd itself is the signaling server of calls.",
    ),
    "files": ("talkd.cli.files", "Files that users have sent: what they use, and whether all of them are there."),
    "occ": ("talkd.cli.occ_root", "Administration commands with the names and options of Nextcloud's occ."),
}
"""The groups of commands: the module whose `app` has them, and the help."""
SINGLE = {
    "backup": ("talkd.cli.backup", "Write all data into a file, also while the server runs, and verify it."),
    "restore": ("talkd.cli.backup", "Put a backup into an empty database, SQLite or PostgreSQL."),
    "copy": ("talkd.cli.copying", "Copy a database into another one, such as SQLite to PostgreSQL."),
}
"""Commands that are imported when a command line names them: the module that has them, and the help."""


class _Root(Group):
    """Ends a command with the status INTERRUPTED, and without a message, on Ctrl-C."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Exit(INTERRUPTED) from None


class _CommandIn(click.Command):
    """Stands for a command in a module, which is imported when a command line names the command."""

    def __init__(self, module: str, attribute: str, **more: Any) -> None:
        super().__init__(**more)
        self.module, self.attribute = module, attribute

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        command: click.Command = getattr(import_module(self.module), self.attribute)
        if isinstance(command, Group):
            command.help = self.help
        return command.make_context(*args, **more)


@click.command
def version() -> None:
    """Print the version."""
    click.echo(f"talkd {__version__}")


app = _Root("talkd", help="A conversation server that speaks the API of the Nextcloud Talk apps.")
for command in (serve.serve, doctor.doctor, serve.migrate, serve.openapi, bench.bench, version):
    app.add_command(command)
for name, (module, about) in SINGLE.items():
    app.add_command(_CommandIn(module, name, name=name, help=about))
for name, (module, about) in GROUPS.items():
    app.add_command(_CommandIn(module, "app", name=name, help=about))
