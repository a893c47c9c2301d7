"""`talkd serve`, `talkd migrate` and `talkd openapi`: run the server, upgrade its database, print its API."""

import asyncio
import contextlib
import ipaddress
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, NoReturn

import click
import msgspec
from click.exceptions import Exit

from talkd.cli import command, data_folder
from talkd.cli.command import ConfigCommand
from talkd.cli.workers import Post, Workers, read_post
from talkd.config import Config, ConfigError
from talkd.core.errors import TalkError
from talkd.core.log import Log
from talkd.web import sockets

if TYPE_CHECKING:
    from talkd.server import App

KEEP_SECONDS = 0.5
"""Seconds between two checks of the lock file."""

log = Log(__name__)


@click.command
@command.config_file
@command.data
@command.database
@command.host
@command.port
@command.unix_socket
@command.dev
@command.dev_exposed
@command.bus
@command.workers
@click.option("--as-worker", "post", hidden=True)
def serve(
    config_file: Path | None,
    data: Path | None,
    database: str | None,
    host: str | None,
    port: int | None,
    unix_socket: str | None,
    dev: bool | None,
    dev_exposed: bool | None,
    bus: str | None,
    workers: int | None,
    post: str | None,
) -> None:
    """Run the server."""
    from talkd import logs
    from talkd.cli import process

    config = command.load(
        config_file,
        data,
        database,
        server__host=host,
        server__port=port,
        server__unix_socket=unix_socket,
        dev=dev,
        dev_exposed=dev_exposed,
        bus__url=bus,
        server__workers=workers,
    )
    logs.configure(config.log)
    process.raise_file_limit()
    try:
        _require_unexposed(config)
        if config.server.workers > 1 and post is None:
            _serve_by_workers(config)
            return
        from talkd.cli import welcome

        check = welcome.doctor_command(config, config_file)
        with _data(config) as lock:
            command.run(_serve(config, lock, check, read_post(post) if post else None))
    except (data_folder.FolderRefused, ConfigError) as error:
        command.fail(str(error))
    except TalkError as error:
        command.fail(command.refusal(error))
    except OSError as error:
        command.fail(f"cannot use the data folder {config.data}: {error.strerror}; choose another with --data")


def _require_unexposed(config: Config) -> None:
    """End the command if `--dev`, whose passwords are public, would listen on an address that other machines reach."""
    if not config.dev or config.dev_exposed:
        return
    if config.server.unix_socket:
        return
    for address in sockets.addresses_of(config.server.host):
        if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            continue
        command.fail(
            f"--dev has public passwords and no throttling, but other machines may reach {address}; "
            "remove --host, or add --dev-exposed to allow this"
        )


@contextlib.contextmanager
def _data(config: Config) -> Iterator[data_folder.DataLock | None]:
    """Make the data folder, and lock it if it holds SQLite. With `--dev`, use a temporary folder."""
    if config.dev:
        with tempfile.TemporaryDirectory(prefix="talkd-dev-", ignore_cleanup_errors=True) as folder:
            config.data = folder
            config.database.durable = False
            config.security.throttle = False
            yield None
    elif config.database.url:
        data_folder.make_data(Path(config.data))
        yield None
    else:
        with data_folder.lock_data(Path(config.data)) as lock:
            yield lock


async def _keep(lock: data_folder.DataLock, app: "App") -> None:
    """Take the lock again whenever its file was removed. Stop the server if another server has taken the lock."""
    while True:
        await asyncio.sleep(KEEP_SECONDS)
        try:
            if await asyncio.to_thread(lock.keep):
                log.warning("data_lock_taken_again", advice="do not remove talkd.lock: it keeps a second server out")
        except data_folder.AlreadyRunning as error:
            log.warning("taken_over", reason=str(error))
            app.taken_over.set()
            return


def _serve_by_workers(config: Config) -> NoReturn:
    """Start the workers, and end the command when they have stopped."""
    from talkd.web.http import BACKLOG

    if config.dev:
        command.fail("--dev uses SQLite, which one process must have for itself; remove --workers")
    data_folder.make_data(Path(config.data))
    with sockets.bound(config.server) as listening:
        for each in listening:
            each.listen(BACKLOG)
        raise Exit(Workers(config.server.workers, listening, sys.argv[1:]).run())


async def _serve(config: Config, lock: data_folder.DataLock | None, check: str, post: Post | None) -> None:
    if config.server.speaks_tls:
        from talkd.cli import certificates

        certificates.require_usable(config.server)
    with sockets.bound(config.server) if post is None else contextlib.nullcontext(post.open_sockets()) as listening:
        await _serve_on(listening, config, lock, check, post)


async def _serve_on(
    listening: Sequence[socket], config: Config, lock: data_folder.DataLock | None, check: str, post: Post | None
) -> None:
    from talkd.cli import process, welcome
    from talkd.server import App

    bus = None
    if post is not None and not config.bus.url:
        from talkd.bus.sockets import SocketBus

        bus = SocketBus(Path(post.folder))
    app = App(config, bus)
    await app.start()
    try:
        if config.dev:
            from talkd import dev

            await dev.add_samples(app.world.db, config)
            known = welcome.Admin(config.admin_user, dev.ADMIN_PASSWORD, generated=not config.admin_password)
            click.echo(welcome.screen(config, admin=known, check=check))
        else:
            admin = await welcome.first_admin(app.world.db, config)
            if admin is None:
                log.info("started", address=welcome.address(config), database=command.database_of(config))
            else:
                click.echo(welcome.screen(config, admin=admin, check=check))
        keeping = asyncio.create_task(_keep(lock, app)) if lock else None
        await process.serve_until_stopped(app, config, listening, post)
        if keeping:
            keeping.cancel()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await app.stop()
    log.info("stopped")


@click.command(cls=ConfigCommand)
def migrate(config: Config) -> None:
    """Upgrade the database to the newest schema. `talkd serve` also does this when it starts."""
    from talkd.cli.database import opened, schema_of

    async def work() -> None:
        async with opened(config):
            pass
        click.echo(f"{command.database_of(config)}: schema {(await schema_of(config)).revision}")

    command.run(work())


@click.command
@click.option("--api", type=click.Choice(["v1", "v2", "v3", "v4"]), help="Print only this version of Talk's API.")
def openapi(api: str | None) -> None:
    """Print the OpenAPI document of all operations."""
    from talkd.app import ROUTES
    from talkd.web.openapi import document

    shown = ROUTES if api is None else [route for route in ROUTES if f"/apps/spreed/api/{api}/" in route.path]
    click.echo(msgspec.json.format(msgspec.json.encode(document(shown)), indent=2).decode())
