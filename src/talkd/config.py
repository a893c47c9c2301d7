"""The settings of the server process, and how they are read. `make docs` makes docs/admin/settings.md from this file.

A TOML file has a table for each group. An environment variable TALKD_<GROUP>_<OPTION> overrides it; SHORT_NAMES lists
shorter names of common options. Other variables are not settings.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from talkd.areas.mail.address_model import is_address
from talkd.core.constants import API_FEATURES
from talkd.core.networks import require_network
from talkd.environment import PREFIX, misspelt_in, settings_in

MAX_PORT = 65_535
HOST = re.compile(r"[A-Za-z0-9.\-_]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
"""A host with an optional port, as in a URL."""
_PUBLIC_URL = re.compile(rf"https?://({HOST.pattern})(/(?!\.\.?(/|$))[A-Za-z0-9._~\-]+)*/?", re.IGNORECASE)
_DATABASE_HOST = r"(\[[0-9A-Za-z:.%]+\]|[^\[\]:,@/?#\s]*)(:\d{1,5})?"
_DATABASE_URL = re.compile(
    rf"postgres(ql)?://([^@/?#\s]*@)?(?P<hosts>{_DATABASE_HOST}(,{_DATABASE_HOST})*)(/[^@?#\s]*)?(\?[^@#\s]*)?"
)
DEFAULT_APIS = ("chat-v2", "conversation-v4", "signaling-v3")


class ConfigError(Exception):
    """A setting is unknown or has a wrong value. The message names it and says what is allowed."""


class ServerConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens and how clients reach it."""

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` or `::` for all addresses."""
    port: int = 8080
    """Port to listen on."""
    unix_socket: str = ""
    """Path of a Unix socket to listen on, without TLS, instead of an address and port. Its user and group may connect
    (mode 0660). Its clients have the address 127.0.0.1, so `trusted_proxies` must contain that for a reverse proxy.
    """
    public_url: str = ""
    """The address that clients use, for example `https://talk.example.org/sub`. If it is empty, talkd takes the address
    of each request. The link of a shared object is kept only if it leads to this address.
    """
    tls_certificate: str = ""
    """Certificate chain file (PEM). With `tls_key`, the server itself speaks HTTPS."""
    tls_key: str = ""
    """Private key file (PEM, not encrypted)."""
    trusted_proxies: list[str] = []
    """Addresses or networks of reverse proxies. talkd trusts their `X-Forwarded-*` headers."""
    max_connections: int = 40_000
    """Requests, including waiting polls, that are open at the same time. Further ones get 503, except `/healthz`."""
    body_timeout: int = 30
    """Seconds in which the body of a request must arrive, plus one second for every 8 KiB received."""
    hsts: int = 0
    """Seconds for which browsers use only HTTPS after a visit (`Strict-Transport-Security`). 0 sends no such header.
    It works only if the server itself speaks HTTPS.
    """
    max_body: int = 1_048_576
    """Maximum size of a request body in bytes, except for uploads."""
    max_upload: int = 20_971_520
    """Maximum size of an uploaded file in bytes."""
    max_recording: int = 4_294_967_296
    """Maximum size of the recording of a call in bytes. It is written to the disk while it is received."""

    @property
    def sub_path(self) -> str:
        """The path of the public address, without a slash at the end; `/` for a server that has none."""
        return "/" + self.public_url.partition("://")[2].partition("/")[2].strip("/")

    @property
    def speaks_tls(self) -> bool:
        """Whether the server itself speaks HTTPS. On a Unix socket it does not."""
        return bool(self.tls_certificate) and not self.unix_socket

    def url_at(self, host: str) -> str:
        """Return the URL of the server at `host` and its own port."""
        scheme = "https" if self.speaks_tls else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"


class DatabaseConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The database."""

    url: str = ""
    """`postgresql://user:password@host/name`, or empty for SQLite in the data folder."""
    connections: int = 16
    """Connections of the server to PostgreSQL in total. One holds the claim on the database, and a third of the others
    only read. Commands that run at the same time need a few more."""
    connection_timeout: int = 10
    """Seconds that a request waits for a free connection to PostgreSQL before it gets 503."""
    lock_timeout: int = 5
    """Seconds that a request waits for a PostgreSQL row that another transaction has locked before it gets 503."""
    statement_timeout: int = 60
    """Seconds after which PostgreSQL cancels a statement."""
    start_timeout: int = 60
    """Seconds that the start waits until PostgreSQL answers."""
    durable: bool = True
    """Whether SQLite waits for the disk at every commit. Switch it off only if the data may be lost."""


class IdentityConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Names and versions that the server announces. Apps check the versions before they log in."""

    name: str = "talkd"
    """Name of this installation. Pages and apps show it."""
    product_name: str = "Nextcloud"
    """Product name in `status.php`. Some clients refuse any other name."""
    version: str = "32.0.1.2"
    """Server version to announce: four numbers."""
    talk_version: str = "22.0.0"
    """Talk version to announce."""
    announced_apis: list[str] = msgspec.field(default_factory=lambda: list(DEFAULT_APIS))
    """API versions to announce, as feature names: `chat`, `chat-v2`, `invite-by-mail`, `conversation-v2`,
    `conversation-v3`, `conversation-v4`, `signaling-v3`. The server answers all versions, announced or not. Current
    apps refuse a server that does not announce the default. Some apps from before 2021 need the other names."""
    slogan: str = "Conversations, simply."
    """Line of text below the name."""
    color: str = "#0a6b5c"
    """Main colour of pages and apps as #rrggbb."""


class SecurityConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Protection against guessing and flooding."""

    throttle: bool = True
    """Whether talkd counts failed attempts and makes their sources wait. It also switches `[limits]`."""
    attempts: int = 10
    """Failed attempts of one kind after which a network must wait. Repeating the same wrong password counts once."""
    account_attempts: int = 100
    """Wrong passwords for one account, from all networks together, after which logins with its password must wait.
    App passwords, logged-in browsers, and users who were already logged in are not affected."""
    window: int = 1800
    """Seconds for which a failed attempt counts."""
    bodies_by_address: int = 1000
    """Requests with a body that one network may send at the same time. Further ones get 429. An IPv6 network is a /64.
    """
    polls_by_address: int = 20_000
    """Polls of one network that may wait at the same time. Further ones get 429."""
    sockets_by_address: int = 20_000
    """Signaling sockets that one network may have open. Further ones are closed."""
    polls_by_session: int = 256
    """Polls of one session, or of one participant without a session, that may wait in a room at the same time. Further
    ones get 429."""
    started_logins: int = 100
    """Browser logins of apps that one network may start before it must wait."""
    password_min_length: int = 10
    """Minimum length of an account's password in characters."""
    room_password_min_length: int = 1
    """Minimum length of a conversation's password in characters."""
    session_lifetime: int = 86_400 * 14
    """Seconds without a request after which a browser is logged out."""


class LimitsConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How much one user or network may do. Further requests get 429 with `Retry-After`; 0 means no limit. Failed
    requests do not count. An IPv6 network is a /64. `security.throttle = false` and `--dev` switch all limits off.
    """

    guest_joins: int = 1000
    """Joins of conversations an hour by guests of one network."""
    guest_sessions: int = 500
    """Sessions that guests of one network may have at the same time."""
    guest_messages: int = 30
    """Messages, reactions and polls a minute by one guest."""
    rooms: int = 300
    """New conversations an hour by one account."""
    app_passwords: int = 30
    """New app passwords an hour by one account."""
    pictures: int = 100
    """Uploaded pictures an hour by one account."""
    drawn_pictures: int = 300
    """Avatars a minute that talkd draws for one account, or for one network without login. Avatars from the cache do
    not count."""


class SizesConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How much one request may contain or cause. A larger request gets 413 (400 for a CSV file) and changes nothing."""

    list_entries: int = 2000
    """Entries of a list or map in one request, such as the participants of a new conversation."""
    imported_rows: int = 5000
    """Rows of a CSV file with e-mail invitations."""
    attendees: int = 50_000
    """Attendees of a conversation after a group, a list or a file was added to it."""
    divided: int = 2000
    """Attendees of a conversation that gets breakout rooms."""


class CallsConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Servers that let browsers and apps connect to each other in calls."""

    signaling: Literal["sockets", "polls"] = "sockets"
    """How clients learn what happens in calls: by WebSockets of this server, or by polls only. Clients that know only
    polls can always use them."""
    stun_servers: list[str] = []
    """`host:port` of each STUN server."""
    turn_servers: list[str] = []
    """`host:port` of each TURN server, with `turn:` or `turns:` in front if only one of them works."""
    turn_secret: str = ""
    """Secret shared with the TURN servers. talkd makes credentials from it that are valid for a day."""
    turn_protocols: list[str] = msgspec.field(default_factory=lambda: ["udp", "tcp"])
    """Transports that the TURN servers offer."""
    janus: list[str] = []
    """WebSocket address of each Janus gateway, like `ws://127.0.0.1:8188`. With one, all media go through it."""
    janus_secret: str = ""
    """API secret of the Janus gateways, if they have one."""
    stream_bitrate: int = 1_048_576
    """Maximum bits per second of audio and video that a client sends to Janus."""
    screen_bitrate: int = 2_097_152
    """Maximum bits per second of a screen that a client sends to Janus."""
    internal_secret: str = ""
    """Secret of parts of the installation that join calls, such as a recording server. If it is empty, none can."""


class MailConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """E-mail invitations. They need `host`, `sender` and `server.public_url`; without these, no mail is sent. The
    public address is needed because a link in a mail must not depend on the Host header of a request.
    """

    host: str = ""
    """SMTP server. If it is empty, no mail is sent."""
    port: int = 587
    """Port of the SMTP server."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls`, `tls` for TLS from the start, or `none` for a relay on the same machine."""
    user: str = ""
    """User name, if the SMTP server needs one."""
    password: str = ""
    """Password of that user."""
    sender: str = ""
    """Address that mail is sent from."""
    by_sender: int = 5000
    """Invitations a day by one user; 0 means no limit. A request beyond it gets 429 with `Retry-After` and invites
    nobody."""
    to_recipient: int = 20
    """Mails an hour to one address; 0 means no limit. Further mails are not sent; the log has `mail_left_out`."""


class LogConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The log. It never contains texts of messages or secrets."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """`debug`, `info`, `warning` or `error`."""
    format: Literal["auto", "json", "text"] = "auto"
    """`json`, `text`, or `auto`: text on a terminal, otherwise JSON."""


class MetricsConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Metrics for Prometheus."""

    enabled: bool = True
    """Whether `/metrics` exists."""
    allowed: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.0/8", "::1/128"])
    """Networks that may read `/metrics`. Others get 404."""


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
    """Folder for everything that talkd stores in files."""
    dev: bool = False
    """Mode for testing clients: temporary data, sample accounts, no throttling, a reset operation. The server listens
    on this machine only."""
    dev_exposed: bool = False
    """Whether a server with `dev`, whose passwords are public, may listen where other machines reach it."""
    admin_user: str = "admin"
    """Name of the administrator account that the first start creates."""
    admin_password: str = ""
    """Password of that account. If it is empty, talkd generates one and prints it once."""

    @property
    def sends_mail(self) -> bool:
        """Whether all settings that mail needs are set."""
        return bool(self.mail.host and self.mail.sender and self.server.public_url)


SHORT_NAMES = {
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
"""One for the claim on the database, one for reading, one for writing."""
_FORMS: dict[Any, str] = {
    str: "a text",
    int: "a number",
    float: "a fraction",
    bool: "true or false",
    list: 'a list like ["one", "two"]',
    list[str]: 'a list like ["one", "two"]',
    dict: "a group",
}
"""How errors call the values of a type."""


def load(
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    overrides: Mapping[tuple[str, ...], Any] | None = None,
) -> Config:
    """Return the settings of file, environment and command line; the later sources win. Raises ConfigError."""
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
    config = _typed(tree)
    _check(config)
    return config


def _options_of(group: str) -> dict[str, Any]:
    """Return the options of a group with their types, or those of the top level for "". Other names have none."""
    kind: Any = Config
    if group:
        kind = next((field.type for field in msgspec.structs.fields(Config) if field.name == group), None)
    if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
        return {}
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _require_known(tree: Mapping[str, Any]) -> None:
    """Raises ConfigError for the first unknown name in a file, and for a group that is not a table."""
    for name, value in tree.items():
        options = _options_of(name)
        if name not in _options_of(""):
            raise ConfigError(f"there is no setting {name}; there are {', '.join(_options_of(''))}")
        if options and not isinstance(value, dict):
            raise ConfigError(f"wrong setting {name}: it is a group; write its options below a line [{name}]")
        for option in value if options else ():
            if option not in options:
                raise ConfigError(f"there is no setting {name}.{option}; [{name}] has {', '.join(options)}")


def _typed(tree: Mapping[str, Any]) -> Config:
    """Return the settings in a tree of known names. Raises ConfigError for the first value of a wrong type."""
    kinds = _options_of("")
    values = {}
    for name, value in tree.items():
        if options := _options_of(name):
            typed = {option: _value(f"{name}.{option}", options[option], each) for option, each in value.items()}
            values[name] = kinds[name](**typed)
        else:
            values[name] = _value(name, kinds[name], value)
    return Config(**values)


def _value(name: str, kind: Any, value: Any) -> Any:
    """Return the value of an option as its type; texts may contain numbers, true and false. Raises ConfigError."""
    if kind == list[str] and isinstance(value, list):
        return [_value(f"{name}[{position}]", str, each) for position, each in enumerate(value)]
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        if get_origin(kind) is Literal:
            raise ConfigError(f"wrong setting {name}: use one of {', '.join(get_args(kind))}") from error
        got = _FORMS.get(type(value), "a date or time")
        raise ConfigError(f"wrong setting {name}: Expected {_FORMS[kind]}, got {got}") from error


def _check_forms(config: Config) -> None:
    """Check the ranges of numbers and the forms of texts. Raises ConfigError."""
    for group in config.__struct_fields__:
        for option, kind in _options_of(group).items():
            value = getattr(getattr(config, group), option)
            least = int(option not in _MAY_BE_ZERO and group != "limits")
            if kind is int and value < least:
                raise ConfigError(f"wrong setting {group}.{option}: {value}; the minimum is {least}")
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
            f"wrong setting database.connections: {config.database.connections}; the minimum is {LEAST_CONNECTIONS}"
        )
    if config.server.port > MAX_PORT:
        raise ConfigError(f"wrong setting server.port: {config.server.port}; ports go from 1 to {MAX_PORT}")


def _require_database_url(url: str) -> None:
    """Raises ConfigError if this is not the URL of a PostgreSQL database.

    The error shows no part of the URL: if the password has a `/`, `?`, `#` or `@`, it cannot be told from the rest.
    """
    match = _DATABASE_URL.fullmatch(url)
    hosts = match["hosts"].split(",") if match else []
    ports = [host.rpartition("]")[2].partition(":")[2] or "1" for host in hosts]
    if match is None or any(int(port) not in range(1, MAX_PORT + 1) for port in ports):
        raise ConfigError(
            "wrong setting database.url: write it like postgresql://user:password@host:5432/name; in the password, "
            "escape all characters except letters, digits and -._~ (%40 for @, %2F for /, and so on)"
        )


def _require_public_url(url: str) -> str:
    """Return the address with its scheme in lower case. Raises ConfigError if clients could not use it."""
    scheme, _, rest = url.partition("://")
    _, _, port = rest.partition("/")[0].rpartition("]")[2].partition(":")
    if not _PUBLIC_URL.fullmatch(url) or int(port or 1) not in range(1, MAX_PORT + 1):
        shown = "" if "@" in url else f"{url}; "  # the part before an @ may be a password
        raise ConfigError(
            f"wrong setting server.public_url: {shown}write scheme, host and at most a path, like "
            "https://talk.example.org or https://example.org/talk"
        )
    return f"{scheme.lower()}://{rest}"


def _check(config: Config) -> None:
    """Check everything that the types do not express. Raises ConfigError."""
    _check_forms(config)
    for name, networks in (
        ("server.trusted_proxies", config.server.trusted_proxies),
        ("metrics.allowed", config.metrics.allowed),
    ):
        for network in networks:
            try:
                require_network(network)
            except ValueError as error:
                raise ConfigError(f"wrong setting {name}: {error}; write 10.0.0.1 or 10.0.0.0/8") from error
    for url in config.calls.janus:
        if not re.fullmatch(rf"wss?://({HOST.pattern})(/\S*)?", url):
            raise ConfigError(f"wrong setting calls.janus: {url}; write it like ws://127.0.0.1:8188")
    unknown = [name for name in config.identity.announced_apis if name not in API_FEATURES]
    if unknown:
        raise ConfigError(
            f"wrong setting identity.announced_apis: {', '.join(unknown)}; use some of {', '.join(API_FEATURES)}"
        )
    if bool(config.server.tls_certificate) != bool(config.server.tls_key):
        raise ConfigError("wrong settings: server.tls_certificate and server.tls_key must both be set")


def warnings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return a warning for every variable that looks like a misspelt setting."""
    return list(misspelt_in(environment, _paths(), [group for group in _options_of("") if _options_of(group)]))


def _paths() -> dict[str, tuple[str, ...]]:
    """Return the environment variable of every setting with its path in the tree."""
    groups = {group: _options_of(group) for group in _options_of("")}
    return SHORT_NAMES | {
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
