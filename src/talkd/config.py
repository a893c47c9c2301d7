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
from talkd.config_forms import MAX_PORT, is_media_type, is_scanner, is_storage
from talkd.config_groups import (
    BusConfig,
    CallsConfig,
    DatabaseConfig,
    FilesConfig,
    IdentityConfig,
    LimitsConfig,
    LogConfig,
    MailConfig,
    MetricsConfig,
    SecurityConfig,
    ServerConfig,
    SizesConfig,
)
from talkd.core.constants import API_FEATURES
from talkd.core.networks import require_network
from talkd.environment import PREFIX, misspelt_in, settings_in

HOST = re.compile(r"[A-Za-z0-9.\-_]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
"""A host with an optional port, as in a URL."""
_PUBLIC_URL = re.compile(rf"https?://({HOST.pattern})(/(?!\.\.?(/|$))[A-Za-z0-9._~\-]+)*/?", re.IGNORECASE)
_DATABASE_HOST = r"(\[[0-9A-Za-z:.%]+\]|[^\[\]:,@/?#\s]*)(:\d{1,5})?"
_DATABASE_URL = re.compile(
    rf"postgres(ql)?://([^@/?#\s]*@)?(?P<hosts>{_DATABASE_HOST}(,{_DATABASE_HOST})*)(/[^@?#\s]*)?(\?[^@#\s]*)?"
)


_BUS_URL = re.compile(rf"(nats|tls)://([^@:/?#\s]+(:[^@:/?#\s]*)?@)?({HOST.pattern})/?")


class ConfigError(Exception):
    """A setting is unknown or has a wrong value. The message names it and says what is allowed."""


class Config(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All settings."""

    server: ServerConfig = msgspec.field(default_factory=ServerConfig)
    database: DatabaseConfig = msgspec.field(default_factory=DatabaseConfig)
    bus: BusConfig = msgspec.field(default_factory=BusConfig)
    identity: IdentityConfig = msgspec.field(default_factory=IdentityConfig)
    security: SecurityConfig = msgspec.field(default_factory=SecurityConfig)
    limits: LimitsConfig = msgspec.field(default_factory=LimitsConfig)
    sizes: SizesConfig = msgspec.field(default_factory=SizesConfig)
    calls: CallsConfig = msgspec.field(default_factory=CallsConfig)
    mail: MailConfig = msgspec.field(default_factory=MailConfig)
    files: FilesConfig = msgspec.field(default_factory=FilesConfig)
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
    "TALKD_BUS": ("bus", "url"),
    "TALKD_WORKERS": ("server", "workers"),
    "TALKD_DATA": ("data",),
    "TALKD_DEV": ("dev",),
    "TALKD_DEV_EXPOSED": ("dev_exposed",),
    "TALKD_ADMIN_USER": ("admin_user",),
    "TALKD_ADMIN_PASSWORD": ("admin_password",),
}
_MAY_BE_ZERO = {
    "port",
    "by_sender",
    "to_recipient",
    "room_password_min_length",
    "start_timeout",
    "outage_patience",
    "hsts",
    "quota",
    "total",
}
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
    database = config.database
    addresses = [("url", database.url), ("direct_url", database.direct_url)]
    for option, url in (*addresses, *(("replicas", url) for url in database.replicas)):
        if url:
            _require_database_url(option, url)
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


def _require_database_url(option: str, url: str) -> None:
    """Raises ConfigError if this is not the URL of a PostgreSQL database.

    The error shows no part of the URL: if the password has a `/`, `?`, `#` or `@`, it cannot be told from the rest.
    """
    match = _DATABASE_URL.fullmatch(url)
    hosts = match["hosts"].split(",") if match else []
    ports = [host.rpartition("]")[2].partition(":")[2] or "1" for host in hosts]
    if match is None or any(int(port) not in range(1, MAX_PORT + 1) for port in ports):
        raise ConfigError(
            f"wrong setting database.{option}: write it like postgresql://user:password@host:5432/name; in the "
            "password, escape all characters except letters, digits and -._~ (%40 for @, %2F for /, and so on)"
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
    _check_files(config.files)
    _check_bus(config)
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


def _check_bus(config: Config) -> None:
    """Raises ConfigError for a bus of the wrong form, and for several processes on SQLite."""
    for url in filter(None, config.bus.url.split(",")):
        if not _BUS_URL.fullmatch(url.strip()):
            raise ConfigError(
                "wrong setting bus.url: write it like nats://user:password@host:4222, with commas between the servers "
                "of a cluster; in the password, escape all characters except letters, digits and -._~ (%40 for @, %3A "
                "for :, and so on)"
            )
    if (config.bus.url or config.server.workers > 1) and not config.database.url:
        name = "bus.url" if config.bus.url else "server.workers"
        raise ConfigError(f"wrong setting {name}: several processes need PostgreSQL; set database.url")


def _check_files(files: FilesConfig) -> None:
    """Raises ConfigError for settings of files that have the wrong form. The error shows no part of the storage."""
    if files.storage and not is_storage(files.storage):
        raise ConfigError(
            "wrong setting files.storage: write it like "
            "s3://bucket/folder?endpoint=https://s3.example.org&region=eu-1; "
            "credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if files.scanner and not is_scanner(files.scanner):
        raise ConfigError(
            f"wrong setting files.scanner: {files.scanner}; write it like 127.0.0.1:3310 or /run/clamav/clamd.ctl"
        )
    for pattern in files.types:
        if not is_media_type(pattern):
            raise ConfigError(f"wrong setting files.types: {pattern}; write it like image/* or application/pdf")


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
