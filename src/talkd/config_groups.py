"""The groups of settings. Together they are `Config` in `config.py`, which says how they are read."""

from typing import Literal

import msgspec

DEFAULT_APIS = ("chat-v2", "conversation-v4", "signaling-v3")


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
    workers: int = 1
    """Processes that answer on this machine. More than one need PostgreSQL."""
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
    """`postgresql://user:password@host/name`, or empty for SQLite in the data folder. With several hosts, separated by
    commas, the one that is the primary is used."""
    direct_url: str = ""
    """The address of PostgreSQL itself, with user and password, if `url` leads to PgBouncer or another pooler. The lock
    of the server and migrations use it."""
    replicas: list[str] = []
    """Addresses of replicas of PostgreSQL, with user and password. Searches and pages of the history are read from
    them."""
    replica_lag: int = 5
    """A replica that may lack more than the last so many seconds is not used."""
    connections: int = 16
    """Connections of the server to PostgreSQL in total. One holds the claim on the database, and a third of the others
    only read. Commands that run at the same time need a few more."""
    connection_timeout: int = 10
    """Seconds that a request waits for a free connection to PostgreSQL before it gets 503."""
    outage_patience: int = 5
    """Seconds that a request waits for the end of an outage of PostgreSQL, such as a restart, before it gets 503."""
    lock_timeout: int = 5
    """Seconds that a request waits for a PostgreSQL row that another transaction has locked before it gets 503."""
    statement_timeout: int = 60
    """Seconds after which PostgreSQL cancels a statement."""
    start_timeout: int = 60
    """Seconds that the start waits until PostgreSQL answers."""
    durable: bool = True
    """Whether SQLite waits for the disk at every commit. Switch it off only if the data may be lost."""


class BusConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How processes on several machines tell each other what has changed (docs/admin/scaling.md). All processes of one
    database need the same bus. It needs PostgreSQL.
    """

    url: str = ""
    """`nats://host:4222`, or a list of the servers of a NATS cluster with commas; `tls://` for TLS. User and password
    stand before the host, as in `nats://user:password@host`. Empty without a bus.
    """
    credentials: str = ""
    """Credentials file of NATS (`.creds`), if the servers ask for one."""
    ca: str = ""
    """File with the certificates (PEM) that the servers' certificates are checked with, instead of the system's."""
    certificate: str = ""
    """Certificate file (PEM) that talkd shows to the servers."""
    key: str = ""
    """File with the private key of that certificate (PEM)."""


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
    previews: int = 300
    """Previews of pictures a minute that talkd makes for one account, or for one network without login. Each is made
    once and kept."""


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


class FilesConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Files that users send. `talkd files` has the commands for them."""

    storage: str = ""
    """Where their contents are kept: `s3://bucket/folder?endpoint=https://s3.example.org&region=eu-1`, or empty for the
    folder `files` in the data folder. Credentials come from the usual environment variables of
    AWS (docs/admin/files.md). It needs `pip install "talkd[s3]"`.
    """
    max_file: int = 4_294_967_296
    """Maximum size of a file in bytes."""
    quota: int = 0
    """Bytes that the files of one account may have together; 0 for no limit."""
    total: int = 0
    """Bytes that all files may have together; 0 for no limit. Equal files count once."""
    max_entries: int = 500_000
    """Files and folders that one account may have; 0 for no limit. Pieces of unfinished uploads count."""
    types: list[str] = []
    """Media types that may be sent, like `image/*` or `application/pdf`. If the list is empty, all may."""
    scanner: str = ""
    """Host and port, or path of the Unix socket, of a ClamAV daemon that checks every file before it is kept. Files are
    refused while it cannot be reached."""
    remove_metadata: bool = False
    """Whether places, names of cameras and the like are cut out of JPEG, PNG and WebP files that users send. The
    pictures look the same. Previews never have such data."""


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
