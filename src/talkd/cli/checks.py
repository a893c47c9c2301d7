"""The checks of `talkd doctor`. Every check says what it found and, if it is not ok, what to do."""

import asyncio
import contextlib
import os
import resource
import shlex
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

from talkd.areas.files import examination_service as files
from talkd.areas.settings import service as settings
from talkd.areas.users import group_service as groups
from talkd.areas.users.model import ADMIN_GROUP
from talkd.cli.calls import examine_calls
from talkd.cli.certificates import examine_tls
from talkd.cli.command import database_of
from talkd.cli.database import explain, opened, schema_of
from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.cli.listening import examine_address, examine_public_url, examine_server
from talkd.cli.storages import examine_files, examine_space
from talkd.config import Config
from talkd.conversation.settings import TalkSettings
from talkd.core.networks import require_network
from talkd.storage.migrate import REVISIONS, Schema
from talkd.storage.postgres_capacity import Capacity, get_capacity
from talkd.storage.sqlite_files import find_damage
from talkd.web.http import SPARE_CONNECTIONS

EARLIEST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""A clock before this date is wrong."""
OTHERS = 0o007
"""The mode bits for users who are neither the owner nor in the group of a folder."""
SPARE_FILES = 200
"""Open files that a server needs in addition to its connections."""


async def examine(config: Config) -> list[Finding]:
    """Run all checks. Return the findings in the order in which to repair them."""
    findings = [*_clock()]
    if config.dev:
        findings.append(Finding(OK, "data", "temporary, because of --dev"))
    else:
        findings = [*_data(config), *findings, *[finding async for finding in _database(config)]]
    if not config.dev:
        findings += [finding async for finding in examine_files(config)]
    findings += [*_open_files(config), *_proxies(config), *examine_tls(config.server)]
    findings += await asyncio.to_thread(lambda: [*examine_address(config.server), *examine_public_url(config.server)])
    return [*findings, *_mail(config), *await examine_calls(config, await _settings(config))]


async def examine_for_calls(config: Config) -> list[Finding]:
    """Run the checks of what calls need."""
    findings = await asyncio.to_thread(lambda: list(examine_public_url(config.server)))
    return [*findings, *await examine_calls(config, await _settings(config))]


def _data(config: Config) -> Iterator[Finding]:
    folder = Path(config.data).resolve()
    if not folder.exists():
        parent = next(place for place in folder.parents if place.exists())
        if os.access(parent, os.W_OK):
            yield Finding(OK, "data folder", f"{folder} does not exist yet; the first start creates it")
        else:
            yield Finding(FAIL, "data folder", f"cannot create {folder}", f"create it, or allow writing in {parent}")
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"talkd")
    except OSError as error:
        yield Finding(
            FAIL,
            "data folder",
            f"cannot write in {folder}: {error.strerror}",
            "give the folder to the user that runs talkd, or choose another with --data",
        )
        return
    if folder.stat().st_mode & OTHERS and not config.database.url:
        yield Finding(
            WARN,
            "data folder",
            f"all users of this machine can read {folder} with all messages",
            f"chmod 700 {shlex.quote(str(folder))} (StateDirectoryMode=0700 in systemd)",
        )
    else:
        yield Finding(OK, "data folder", f"{folder} is writable")
    yield examine_space("disk", folder, "no message can be sent if the disk is full")


def _clock() -> Iterator[Finding]:
    now = time.time()
    if now < EARLIEST:
        yield Finding(FAIL, "clock", f"it says {datetime.fromtimestamp(now, UTC):%Y-%m-%d}", "set the system clock")
    else:
        yield Finding(OK, "clock", f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC")


async def _database(config: Config) -> AsyncIterator[Finding]:
    name = database_of(config)
    admins: list[str] = []
    old_pictures = 0
    capacity: Capacity | None = None
    try:
        schema = await schema_of(config)
        if schema.is_complete:
            async with opened(config) as db:
                admins = await db.read(lambda tx: groups.list_members(tx, ADMIN_GROUP))
                old_pictures = await db.read(files.count_pictures_in_database)
                capacity = await db.read(get_capacity) if config.database.url else None
        damage = "" if config.database.url or schema.revision is None else find_damage(Path(config.data) / "talkd.db")
    except Exception as error:
        reason = explain(error)
        if reason is None:
            raise
        yield Finding(FAIL, "database", f"{name}: {reason}", "see docs/admin/install.md, section Database")
        return
    if damage:
        advice = "stop talkd and restore a backup (docs/admin/backup.md)"
        yield Finding(FAIL, "database", f"{name}: the file is damaged: {damage}", advice)
        return
    yield await examine_server(config)
    yield _schema(name, schema)
    if not schema.is_complete:
        return
    if capacity is not None:
        yield _connections(config, capacity)
    if not config.database.url and not config.database.durable:
        yield Finding(WARN, "durability", "off: a power cut loses messages", "remove database.durable = false")
    if old_pictures:
        found = f"{old_pictures} are still in the database"
        advice = "start the server, which moves them to the storage of files; if it does not, its log says why"
        yield Finding(WARN, "pictures", found, advice)
    if admins:
        yield Finding(OK, "administrators", ", ".join(sorted(admins)))
    else:
        yield Finding(WARN, "administrators", "none", f"talkd user add NAME && talkd group join {ADMIN_GROUP} NAME")


def _schema(name: str, schema: Schema) -> Finding:
    """Compare the schema of the database with what this talkd needs."""
    revision = schema.revision
    if revision is None:
        return Finding(OK, "database", f"{name}: empty; the first start fills it")
    if not schema.is_usable:
        found, advice = "is from a newer talkd", "start that version, or restore the backup from before the upgrade"
        return Finding(FAIL, "database", f"{name}: schema {revision} {found}", advice)
    if schema.is_newer:
        found = "is from a newer talkd, beside which this one may run"
        return Finding(WARN, "database", f"{name}: schema {revision} {found}", "upgrade this one as well")
    if not schema.is_complete:
        found = f"{name}: schema {revision}, but this talkd needs {REVISIONS[-1]}"
        return Finding(WARN, "database", found, "make a backup, then start the server or run `talkd migrate`")
    return Finding(OK, "database", f"{name}: answers, schema {revision}")


def _connections(config: Config, capacity: Capacity) -> Finding:
    needed = capacity.needs(config.database.connections)
    found = f"up to {needed} to PostgreSQL, which allows {capacity.allowed}"
    if needed <= capacity.allowed or config.database.direct_url:  # a pooler has limits of its own
        return Finding(OK, "connections", found)
    advice = "lower database.connections, or raise max_connections or the limits of the database and its user"
    return Finding(WARN, "connections", found, advice)


def _open_files(config: Config) -> Iterator[Finding]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = config.server.max_connections + SPARE_CONNECTIONS + SPARE_FILES
    if hard == resource.RLIM_INFINITY or hard >= needed:
        yield Finding(OK, "open files", f"up to {hard} allowed")
    else:
        yield Finding(
            WARN,
            "open files",
            f"up to {hard} allowed, not enough for server.max_connections = {config.server.max_connections}",
            f"raise the limit (LimitNOFILE={needed} in systemd), or lower server.max_connections",
        )


def _proxies(config: Config) -> Iterator[Finding]:
    for entry in config.server.trusted_proxies:
        if require_network(entry).prefixlen:
            yield Finding(OK, "trusted proxy", entry)
        else:
            yield Finding(
                FAIL,
                "trusted proxy",
                f"{entry} trusts every address, so any client can forge its address",
                "use the address of the proxy",
            )


def _mail(config: Config) -> Iterator[Finding]:
    needed = {
        "mail.host": config.mail.host,
        "mail.sender": config.mail.sender,
        "server.public_url": config.server.public_url,
    }
    missing = [name for name, value in needed.items() if not value]
    if not missing:
        yield Finding(OK, "mail", f"sent through {config.mail.host}")
    elif config.mail.host or config.mail.sender:
        yield Finding(WARN, "mail", "none is sent, because settings are missing", f"set {' and '.join(missing)}")
    else:
        yield Finding(OK, "mail", "off")


async def _settings(config: Config) -> TalkSettings:
    """Return the settings of Talk, or their defaults if the database cannot be read; another check reports that."""
    with contextlib.suppress(Exception):
        if not config.dev and (await schema_of(config)).is_complete:
            async with opened(config) as db:
                return await db.read(settings.get_settings)
    return TalkSettings()
