"""The first administrator, and the screen that the first start prints."""

import shlex
import shutil
import sys
from pathlib import Path

import msgspec

import talkd.config
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import ADMIN_GROUP
from talkd.areas.users.passwords import hash_password
from talkd.cli.command import database_of
from talkd.config import Config, ConfigError
from talkd.core import ids
from talkd.storage.database import Database, Tx

GENERATED_LENGTH = 20


class Admin(msgspec.Struct, frozen=True):
    """A new administrator. The screen shows the password only if it was `generated`."""

    name: str
    password: str
    generated: bool


async def first_admin(db: Database, config: Config) -> Admin | None:
    """Create the administrator if the database has no accounts; otherwise return None."""
    if await db.read(_has_accounts):
        return None
    generated = not config.admin_password
    password = config.admin_password or ids.text(GENERATED_LENGTH)
    password_hash = await hash_password(password)

    async def work(tx: Tx) -> bool:
        await tx.lock_name("first administrator")  # workers start at the same moment
        if await _has_accounts(tx):  # another process has created one since the check above
            return False
        await groups.ensure_admin_group(tx)
        await users.create_account(tx, config.admin_user, password_hash, groups=(ADMIN_GROUP,))
        return True

    return Admin(config.admin_user, password, generated) if await db.write(work) else None


async def _has_accounts(tx: Tx) -> bool:
    return bool(await users.list_accounts(tx, limit=1))


def address(config: Config) -> str:
    """Return the public address of the server, or the one it listens on if no public address is set."""
    server = config.server
    return server.public_url.rstrip("/") or server.unix_socket or server.url_at(server.host)


def doctor_command(config: Config, config_file: Path | None) -> str:
    """Return a `talkd doctor` command that checks this server from any folder.

    It repeats every value of options and environment that differs from the settings file, without database passwords.
    """
    words, note = [*_program(), "doctor"], ""
    if config_file is not None:
        words += ["--config", str(config_file.resolve())]
    try:
        known = talkd.config.load(config_file, {})
    except ConfigError:  # the file is only valid together with the environment
        known = Config()
    if config.dev:
        words += [] if known.dev else ["--dev"]
    elif config.data != known.data or not Path(config.data).is_absolute():
        words += ["--data", str(Path(config.data).resolve())]
    if config.database.url != known.database.url:
        shown = _without_password(config.database.url)
        words += ["--database", shown]
        note = "" if shown == config.database.url else "  # set PGPASSWORD to the password of the database"
    if config.server.host != known.server.host:
        words += ["--host", config.server.host]
    if config.server.unix_socket != known.server.unix_socket:
        words += ["--unix-socket", config.server.unix_socket]
    if config.server.port != known.server.port:
        words += ["--port", str(config.server.port)]
    return shlex.join(words) + note


def _program() -> list[str]:
    """Return the words that start this talkd: just `talkd` if the PATH leads to the same program."""
    beside = Path(sys.executable).with_name("talkd")
    if not beside.exists():
        return [sys.executable, "-m", "talkd"]
    found = shutil.which("talkd")
    return ["talkd"] if found and Path(found).samefile(beside) else [str(beside)]


def _without_password(url: str) -> str:
    start, question, query = url.partition("?")
    scheme, _, rest = start.partition("://")
    login, at, place = rest.rpartition("@")
    kept = "&".join(each for each in query.split("&") if "password" not in each.partition("=")[0])
    return f"{scheme}://{login.partition(':')[0]}{at}{place}{question if kept else ''}{kept}"


def screen(config: Config, *, admin: Admin, check: str) -> str:
    """Return the screen: address, administrator and the most important settings. `check` is the doctor command."""
    calls, server, security = config.calls, config.server, config.security
    durable = config.database.url or config.database.durable
    rows = [
        ("Address", address(config)),
        ("Administrator", admin.name),
        *([("Password", admin.password + ("" if config.dev else "   (shown only once)"))] if admin.generated else []),
        ("", ""),
        ("Database", database_of(config) + ("" if durable else ", not durable")),
        ("TLS", "on" if server.tls_certificate else "off: use a reverse proxy or server.tls_certificate"),
        ("Proxies", ", ".join(server.trusted_proxies) or "none trusted"),
        ("Throttling", f"on, after {security.attempts} wrong passwords per network" if security.throttle else "off"),
        ("STUN", ", ".join(calls.stun_servers) or "off: calls work only inside one network"),
        ("TURN", ", ".join(calls.turn_servers) or "off: calls through some firewalls fail"),
        ("Metrics", f"/metrics, for {', '.join(config.metrics.allowed)}" if config.metrics.enabled else "off"),
    ]
    if config.dev:
        from talkd.dev import NAMES

        rows += [
            ("Testing", "ON: public passwords; all data is deleted when the server stops"),
            ("Accounts", ", ".join(f"{name} / {name}-{name}" for name in NAMES)),
            ("Reset", "POST /ocs/v2.php/apps/talkd/api/v1/reset as the administrator"),
        ]
    lines = [f"  {label:14} {value}".rstrip() for label, value in rows]
    return "\n".join([f"\n{config.identity.name} is ready.\n", *lines, f"\n  Check the set-up: {check}\n"])
