"""One tree of settings. Every option is documented here; `docs/admin/settings.md` is made from it.

A TOML file has a table for each group; the environment overrides it as TALKD_<GROUP>_<OPTION>, for the
groups' options, and as TALKD_<OPTION> for the most wanted ones (see `_SHORT`). Other variables are not settings.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from talkd.areas.mail.address_model import is_address
from talkd.core.constants import API_FEATURES
from talkd.environment import PREFIX, misspelt_in, settings_in

MAX_PORT = 65_535
HOST = re.compile(r"[A-Za-z0-9.\-_]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
"""A host with or without a port, as it stands in addresses."""
_PUBLIC_URL = re.compile(rf"https?://({HOST.pattern})(/(?!\.\.?(/|$))[A-Za-z0-9._~\-]+)*/?", re.IGNORECASE)
_DATABASE_HOST = r"(\[[0-9A-Za-z:.%]+\]|[^\[\]:,@/?#\s]*)(:\d{1,5})?"
_DATABASE_URL = re.compile(
    rf"postgres(ql)?://([^@/?#\s]*@)?(?P<hosts>{_DATABASE_HOST}(,{_DATABASE_HOST})*)(/[^@?#\s]*)?(\?[^@#\s]*)?"
)
DEFAULT_APIS = ("chat-v2", "conversation-v4", "signaling-v3")


class ConfigError(Exception):
    """A setting is unknown or has the wrong form; the message says which and what was expected."""


class ServerConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens and how it is reached."""

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` or `::` for all."""
    port: int = 8080
    """Port to listen on."""
    public_url: str = ""
    """The address that clients use, for example `https://talk.example.org/sub`; empty: taken from the request.
    Only what leads there is taken as a link of things that are shared.
    """
    tls_certificate: str = ""
    """Certificate chain file (PEM); with `tls_key` the server speaks HTTPS itself."""
    tls_key: str = ""
    """Private key file (PEM, without a password)."""
    trusted_proxies: list[str] = []
    """Addresses or networks of reverse proxies whose `X-Forwarded-*` headers are believed."""
    max_connections: int = 40_000
    """Requests and waiting clients held open at once. Further ones are answered 503; `/healthz` answers even then."""
    body_timeout: int = 30
    """Seconds that the body of a request may take to arrive, and one more for every 8 KiB that have arrived."""
    hsts: int = 0
    """Seconds for which browsers insist on HTTPS after a visit (`Strict-Transport-Security`), if the server speaks
    HTTPS itself; 0: they are not told to.
    """
    max_body: int = 1_048_576
    """Bytes of a request body at most, uploads excepted."""
    max_upload: int = 20_971_520
    """Bytes of an uploaded file at most."""

    def url_at(self, host: str) -> str:
        """Return the address of the server on its own port, as reached at `host`."""
        scheme = "https" if self.tls_certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"


class DatabaseConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where everything is kept."""

    url: str = ""
    """`postgresql://user:password@host/name`, or empty for SQLite in the data folder."""
    connections: int = 16
    """Connections of the server to PostgreSQL altogether: one says that it serves the database, a third of the others
    only read. Commands that run beside it need a few more."""
    connection_timeout: int = 10
    """Seconds that a request waits for a connection to PostgreSQL that is free; then it is answered 503."""
    lock_timeout: int = 5
    """Seconds that a request waits for a row of PostgreSQL that another transaction holds; then it is answered 503."""
    statement_timeout: int = 60
    """Seconds that one statement may take on PostgreSQL."""
    start_timeout: int = 60
    """Seconds that the start waits for a PostgreSQL that does not answer yet."""
    durable: bool = True
    """Whether SQLite waits for the disk at every commit. Off only for data that may be lost."""


class IdentityConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What clients are told this server is. Apps check the versions before they log in."""

    name: str = "talkd"
    """Name of this installation, shown on its pages and in the apps."""
    product_name: str = "Nextcloud"
    """The product that `status.php` names; some clients refuse anything else."""
    version: str = "32.0.1.2"
    """The server version to announce, four numbers."""
    talk_version: str = "22.0.0"
    """The Talk version to announce."""
    announced_apis: list[str] = msgspec.field(default_factory=lambda: list(DEFAULT_APIS))
    """The API versions to announce, by the names of their features: `chat`, `chat-v2`, `invite-by-mail`,
    `conversation-v2`, `conversation-v3`, `conversation-v4`, `signaling-v3`. All versions are served, whatever is
    announced. Apps of today refuse a server that does not announce the default; some of before 2021 look for the
    other names."""
    slogan: str = "Conversations, simply."
    """A line under the name."""
    color: str = "#0a6b5c"
    """Main colour of pages and apps, as #rrggbb."""


class SecurityConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Protection against guessing and flooding."""

    throttle: bool = True
    """Whether failed attempts are counted and slowed down."""
    attempts: int = 10
    """Failed attempts of one kind from one network before it must wait. The same wrong password counts once."""
    account_attempts: int = 100
    """Wrong passwords for one account, from all networks together, before new log-ins with its password must wait.
    Apps with app passwords, browsers that are logged in and whoever was logged in already go on."""
    window: int = 1800
    """Seconds in which attempts count together."""
    bodies_by_address: int = 1000
    """Requests with a body that one network may have in flight at once; further ones are answered 429. IPv6 counts by
    /64.
    """
    polls_by_address: int = 20_000
    """Polls of one network that may wait at once; further ones are answered 429."""
    polls_by_session: int = 256
    """Polls of one session that may wait in a room at once, or of one participant without a session."""
    started_logins: int = 100
    """Logins by way of the browser that one network may begin before it must wait."""
    password_min_length: int = 10
    """Characters of an account's password at least."""
    room_password_min_length: int = 1
    """Characters of a conversation's password at least."""
    session_lifetime: int = 86_400 * 14
    """Seconds after which an unused browser login ends."""


class LimitsConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How much one person may do. More is refused with 429 and `Retry-After`; 0 is no limit. What fails does not
    count. An IPv6 network is a /64. `security.throttle = false` switches all limits off, and so does `--dev`.
    """

    guest_joins: int = 1000
    """Times an hour that guests of one network may open a conversation."""
    guest_sessions: int = 500
    """Devices of guests from one network that may have conversations open at once."""
    guest_messages: int = 30
    """Messages, reactions and polls a minute of one guest."""
    rooms: int = 300
    """Conversations an hour that one account may create."""
    app_passwords: int = 30
    """App passwords an hour that one account may create."""
    pictures: int = 100
    """Pictures an hour that one account may upload."""
    drawn_pictures: int = 300
    """Pictures a minute that are drawn for one account, or for everybody without one in a network. Pictures that
    were drawn a short time ago do not count."""


class SizesConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How much one request may bring or cause. More is refused with 413 (with 400 in a CSV file), and the
    request changes nothing.
    """

    list_entries: int = 2000
    """Entries of a list or map in one request, such as the people who are invited to a new conversation."""
    imported_rows: int = 5000
    """People in a CSV file whom one request invites by e-mail."""
    attendees: int = 50_000
    """Attendees of a conversation to which a group, a list or a file may still add people."""
    divided: int = 2000
    """Attendees of a conversation that may be divided into breakout rooms."""


class CallsConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What browsers and apps need to reach each other in calls."""

    stun_servers: list[str] = []
    """`host:port` of STUN servers; an empty list for none."""
    turn_servers: list[str] = []
    """`host:port` of TURN servers, with `turn:` or `turns:` before it where it matters."""
    turn_secret: str = ""
    """The secret shared with the TURN servers, for credentials that live a day."""
    turn_protocols: list[str] = msgspec.field(default_factory=lambda: ["udp", "tcp"])
    """Transports that the TURN servers offer."""


class MailConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Sending invitations by e-mail. Off without `host` and `sender`, and without `server.public_url`, because
    a link in a mail must not depend on what some request called the server.
    """

    host: str = ""
    """SMTP server; empty: no mail is sent."""
    port: int = 587
    """Its port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls`, `tls` for TLS from the start, or `none` for a relay on the same machine."""
    user: str = ""
    """User name, where the server asks for one."""
    password: str = ""
    """Password of that user."""
    sender: str = ""
    """Address that mail comes from."""
    by_sender: int = 5000
    """Invitations that one person may have sent within a day; 0 is no limit. More is refused with 429 and
    `Retry-After`, and nobody is invited by the request."""
    to_recipient: int = 20
    """Mails to one address within an hour; 0 is no limit. More are left out, and the log says so (`mail_left_out`)."""


class LogConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is written about what happens. Never texts of messages, never secrets."""

    level: str = "info"
    """`debug`, `info`, `warning` or `error`."""
    format: str = "auto"
    """`json`, `text`, or `auto`: text on a terminal, JSON elsewhere."""


class MetricsConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Figures for Prometheus."""

    enabled: bool = True
    """Whether `/metrics` answers."""
    allowed: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.0/8", "::1/128"])
    """Networks that may read `/metrics`."""


class Config(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All settings."""

    server: ServerConfig = msgspec.field(default_factory=ServerConfig)
    database: DatabaseConfig = msgspec.field(default_factory=DatabaseConfig)
    identity: IdentityConfig = msgspec.field(default_factory=IdentityConfig)
    security: SecurityConfig = msgspec.field(default_factory=SecurityConfig)
    limits: LimitsConfig = msgspec.field(default_factory=LimitsConfig)
    sizes: SizesConfig = msgspec.field(default_factory=SizesConfig)
    calls: CallsConfig = msgspec.field(default_factory=CallsConfig)
    mail: MailConfig = msgspec.field(default_factory=MailConfig)
    log: LogConfig = msgspec.field(default_factory=LogConfig)
    metrics: MetricsConfig = msgspec.field(default_factory=MetricsConfig)
    data: str = "data"
    """The folder of everything that is kept in files."""
    dev: bool = False
    """For people who test clients: sample users, no throttles, a reset operation. Listens on this machine only."""
    dev_exposed: bool = False
    """Whether `dev` may listen on addresses that other machines reach: everybody there has its known passwords."""
    admin_user: str = "admin"
    """Name of the administrator that the first start creates."""
    admin_password: str = ""
    """Password of that administrator; empty: a generated one, printed once."""

    @property
    def sends_mail(self) -> bool:
        """Whether everything is there that mail needs."""
        return bool(self.mail.host and self.mail.sender and self.server.public_url)


_SHORT = {
    "TALKD_HOST": ("server", "host"),
    "TALKD_PORT": ("server", "port"),
    "TALKD_URL": ("server", "public_url"),
    "TALKD_DATABASE": ("database", "url"),
    "TALKD_DATA": ("data",),
    "TALKD_DEV": ("dev",),
    "TALKD_DEV_EXPOSED": ("dev_exposed",),
    "TALKD_ADMIN_USER": ("admin_user",),
    "TALKD_ADMIN_PASSWORD": ("admin_password",),
}
_MAY_BE_ZERO = {"port", "by_sender", "to_recipient", "room_password_min_length", "start_timeout", "hsts"}
LEAST_CONNECTIONS = 3
"""One says that the server is there, one reads, one writes."""
_WORDS = {"array": 'a list like ["one", "two"]', "str": "a text", "int": "a number", "bool": "true or false"}


def load(
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    overrides: Mapping[tuple[str, ...], Any] | None = None,
) -> Config:
    """The settings from file, environment and command line, later ones winning. Raises ConfigError."""
    tree: dict[str, Any] = {}
    if file is not None:
        try:
            tree = tomllib.loads(file.read_text())
        except OSError as error:
            raise ConfigError(f"cannot read the settings file {file}: {error.strerror}") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{file} is not valid TOML: {error}") from error
        _require_known(tree)
    paths = _paths()
    for name, value in settings_in(environment, paths):
        _put(tree, paths[name], value)
    for path, value in (overrides or {}).items():
        _put(tree, path, value)
    try:
        config = msgspec.convert(tree, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_explained(str(error))) from error
    _check(config)
    return config


def _options_of(group: str) -> dict[str, Any]:
    """The options of a group (or of the top level, without one) and their types; none for what is no group."""
    kind: Any = Config
    if group:
        kind = next((field.type for field in msgspec.structs.fields(Config) if field.name == group), None)
    if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
        return {}
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _require_known(tree: Mapping[str, Any]) -> None:
    """Raises ConfigError for the first name in a file that is no setting, and for a group that is none."""
    for name, value in tree.items():
        options = _options_of(name)
        if name not in _options_of(""):
            raise ConfigError(f"there is no setting {name}; there are {', '.join(_options_of(''))}")
        if options and not isinstance(value, dict):
            raise ConfigError(f"wrong setting {name}: it is a group, its options come below a line [{name}]")
        for option in value if options else ():
            if option not in options:
                raise ConfigError(f"there is no setting {name}.{option}; [{name}] has {', '.join(options)}")


def _explained(text: str) -> str:
    """What msgspec finds wrong with a value, in the words of the file."""
    text, _, place = text.partition(" - at `$.")
    group, _, option = place.rstrip("`").rpartition(".")
    choices = get_args(_options_of(group).get(option.partition("[")[0]))
    if "enum" in text:
        text = f"it is one of {', '.join(choices)}"
    for word, plain in _WORDS.items():
        text = text.replace(f"`{word}`", plain)
    return f"wrong setting {place.rstrip('`')}: {text}"


def _check_forms(config: Config) -> None:
    """What numbers and texts must look like. Raises ConfigError."""
    for group in config.__struct_fields__:
        for option, kind in _options_of(group).items():
            value = getattr(getattr(config, group), option)
            least = int(option not in _MAY_BE_ZERO and group != "limits")
            if kind is int and value < least:
                raise ConfigError(f"wrong setting {group}.{option}: {value}; it is {least} at least")
    if not re.fullmatch(r"\d+(\.\d+){3}", config.identity.version):
        raise ConfigError(f"wrong setting identity.version: {config.identity.version}; write it like 32.0.1.2")
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", config.identity.color):
        raise ConfigError(f"wrong setting identity.color: {config.identity.color}; write it like #0a6b5c")
    if config.database.url:
        _require_database_url(config.database.url)
    if config.server.public_url:
        config.server.public_url = _require_public_url(config.server.public_url)
    if config.mail.sender and not is_address(config.mail.sender):
        raise ConfigError(f"wrong setting mail.sender: {config.mail.sender}; write it like talk@example.org")
    if config.database.connections < LEAST_CONNECTIONS:
        raise ConfigError(
            f"wrong setting database.connections: {config.database.connections}; it is {LEAST_CONNECTIONS} at least"
        )
    if config.server.port > MAX_PORT:
        raise ConfigError(f"wrong setting server.port: {config.server.port}; ports go from 1 to {MAX_PORT}")


def _require_database_url(url: str) -> None:
    """Raises ConfigError if this is no address of a PostgreSQL database. The error shows nothing of it, because a
    password with a `/`, `?`, `#` or `@` may stand anywhere in it.
    """
    match = _DATABASE_URL.fullmatch(url)
    hosts = match["hosts"].split(",") if match else []
    ports = [host.rpartition("]")[2].partition(":")[2] or "1" for host in hosts]
    if match is None or any(int(port) not in range(1, MAX_PORT + 1) for port in ports):
        raise ConfigError(
            "wrong setting database.url: write it like postgresql://user:password@host:5432/name, with characters of "
            "the password other than letters, digits and -._~ as %40 for @, %2F for /, and so on"
        )


def _require_public_url(url: str) -> str:
    """Return the address with its scheme in small letters. Raises ConfigError if clients could not use it."""
    scheme, _, rest = url.partition("://")
    _, _, port = rest.partition("/")[0].rpartition("]")[2].partition(":")
    if not _PUBLIC_URL.fullmatch(url) or int(port or 1) not in range(1, MAX_PORT + 1):
        shown = "" if "@" in url else f"{url}; "  # what stands before an @ may be a password
        raise ConfigError(
            f"wrong setting server.public_url: {shown}write scheme, host and at most a path, like "
            "https://talk.example.org or https://example.org/talk"
        )
    return f"{scheme.lower()}://{rest}"


def _check(config: Config) -> None:
    """What a type alone does not say. Raises ConfigError."""
    _check_forms(config)
    for name, networks in (
        ("server.trusted_proxies", config.server.trusted_proxies),
        ("metrics.allowed", config.metrics.allowed),
    ):
        for network in networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ConfigError(f"wrong setting {name}: {error}; write 10.0.0.1 or 10.0.0.0/8") from error
    for name, value, known in (
        ("log.level", config.log.level, ("debug", "info", "warning", "error")),
        ("log.format", config.log.format, ("auto", "json", "text")),
    ):
        if value not in known:
            raise ConfigError(f"wrong setting {name}: {value}; it is one of {', '.join(known)}")
    unknown = [name for name in config.identity.announced_apis if name not in API_FEATURES]
    if unknown:
        raise ConfigError(
            f"wrong setting identity.announced_apis: {', '.join(unknown)}; there are {', '.join(API_FEATURES)}"
        )
    if bool(config.server.tls_certificate) != bool(config.server.tls_key):
        raise ConfigError("wrong settings: server.tls_certificate and server.tls_key go together")


def warnings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return a sentence about every variable that looks like a misspelt setting."""
    return list(misspelt_in(environment, _paths(), [group for group in _options_of("") if _options_of(group)]))


def _paths() -> dict[str, tuple[str, ...]]:
    """Return where in the tree the value of each variable goes."""
    groups = {group: _options_of(group) for group in _options_of("")}
    return _SHORT | {
        f"{PREFIX}{group}_{option}".upper(): (group, option) for group, options in groups.items() for option in options
    }


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *groups, option = path
    here = tree
    kind: Any = Config
    for group in groups:
        here = here.setdefault(group, {})
        kind = next((f.type for f in msgspec.structs.fields(kind) if f.name == group), kind)
    field = next((f for f in msgspec.structs.fields(kind) if f.name == option), None)
    if field is not None and field.type == list[str] and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    here[option] = value
