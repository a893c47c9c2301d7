"""Settings: where they come from, which values are refused, and that all of them are documented."""

import json
import runpy
from pathlib import Path

import msgspec
import pytest

from talkd.config import ConfigError, load, warnings

SETTINGS_PAGE = Path(__file__).parents[1] / "docs" / "settings.py"


class Group(msgspec.Struct):
    documented: str = ""
    """Its meaning."""
    undocumented: str = ""


def test_without_sources_settings_have_their_defaults() -> None:
    config = load(None, {})
    assert (config.server.port, config.database.url, config.dev) == (8080, "", False)


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "talkd.toml"
    file.write_text('data = "one"\n[server]\nport = 1001\nhost = "127.0.0.2"\n')
    environment = {"TALKD_PORT": "1002", "TALKD_DATA": "two", "TALKD_LOG_LEVEL": "debug"}
    config = load(file, environment, {("server", "port"): 1003})
    assert (config.server.port, config.server.host) == (1003, "127.0.0.2")
    assert (config.data, config.log.level) == ("two", "debug")


def test_common_settings_have_short_variable_names() -> None:
    config = load(None, {"TALKD_URL": "https://talk.example.org", "TALKD_ADMIN_USER": "root", "TALKD_DEV": "true"})
    assert (config.server.public_url, config.admin_user, config.dev) == ("https://talk.example.org", "root", True)


def test_lists_in_the_environment_are_separated_by_commas() -> None:
    config = load(None, {"TALKD_SERVER_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2", "TALKD_CALLS_STUN_SERVERS": ""})
    assert config.server.trusted_proxies == ["10.0.0.1", "10.0.0.2"]
    assert config.calls.stun_servers == []


def test_an_error_names_the_setting() -> None:
    with pytest.raises(ConfigError, match=r"server\.port"):
        load(None, {"TALKD_PORT": "eighty"})


@pytest.mark.parametrize("address", ["http://127.0.0.1:8188", "ws://", "ws://host name", "127.0.0.1:8188"])
def test_gateways_need_websocket_addresses(address: str) -> None:
    with pytest.raises(ConfigError, match=r"calls\.janus"):
        load(None, {"TALKD_CALLS_JANUS": f"wss://a.test/janus,{address}"})


@pytest.mark.parametrize("service", ["TALKD", "TALKD_SERVER", "TALKD_DATABASE", "TALKD_MAIL", "TALKD_METRICS_X"])
@pytest.mark.parametrize("scheme", ["tcp", "udp", "TCP"])
def test_variables_of_kubernetes_and_docker_are_not_settings(service: str, scheme: str) -> None:
    link = f"{scheme}://10.43.0.1:8080"
    environment = {
        f"{service}_SERVICE_HOST": "10.43.0.1",
        f"{service}_SERVICE_PORT": "8080",
        f"{service}_SERVICE_PORT_HTTP": "80",
        f"{service}_PORT": link,
        f"{service}_PORT_8080_TCP": link,
        f"{service}_PORT_8080_TCP_ADDR": "10.43.0.1",
        f"{service}_PORT_8080_TCP_PORT": "8080",
        f"{service}_PORT_8080_TCP_PROTO": "tcp",
        f"{service}_ENV_PATH": "/bin",
        f"{service}_PORT_53_UDP": "udp://10.43.0.1:53",
    }
    assert load(None, environment) == load(None, {})
    assert warnings(environment) == []


def test_the_port_of_a_service_does_not_hide_the_setting_of_the_port() -> None:
    environment = {"TALKD_SERVICE_HOST": "10.43.0.1", "TALKD_PORT": "tcp://10.43.0.1:8080", "TALKD_SERVER_PORT": "81"}
    assert load(None, environment).server.port == 81


def test_other_variables_are_ignored() -> None:
    environment = {"TALKD_IMAGE": "x", "TALKD_NAME": "/web/talkd", "TALKD": "1", "TALKD_": "1", "PATH": "/bin"}
    assert load(None, environment) == load(None, {})
    assert warnings(environment) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TALKD_PROT", "TALKD_PORT"),
        ("talkd_port", "TALKD_PORT"),
        ("TALKD_SERVER__PORT", "TALKD_SERVER_PORT"),
        ("TALKD_PUBLIC_URL", "TALKD_SERVER_PUBLIC_URL"),
        ("TALKD_STUN_SERVERS", "TALKD_CALLS_STUN_SERVERS"),
        ("TALKD_ADMIN_PASS", "TALKD_ADMIN_PASSWORD"),
        ("TALKD_DATA_DIR", "TALKD_DATA"),
        ("TALKD_DATA_DIRECTORY", "TALKD_DATA"),
        ("TALKD_SERVER_NONSENSE", "docs/admin/settings.md"),
    ],
)
def test_a_misspelt_variable_causes_a_warning(name: str, meant: str) -> None:
    [warning] = warnings({name: "1"})
    assert warning.startswith(f"{name} is not a setting and changes nothing; ")
    assert meant in warning
    assert load(None, {name: "1"}) == load(None, {})


@pytest.mark.parametrize(
    "url", ["https://talk.example.org", "http://127.0.0.1:8080/talk/", "https://[2001:db8::1]:8443"]
)
def test_valid_public_addresses_are_kept(url: str) -> None:
    assert load(None, {"TALKD_URL": url}).server.public_url == url
    assert load(None, {"TALKD_URL": url.replace("http", "HTTP")}).server.public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "talk.example.org",
        "//talk.example.org",
        "ftp://talk.example.org",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "https://talk.example.org?x=1",
        "https://talk.example.org/?x",
        "https://talk.example.org/#x",
        "https://a b",
        "https://user:secret@talk.example.org",
        "https://talk.example.org:0",
        "https://talk.example.org:70000",
        "https://talk.example.org:",
        "https://talk.example.org//x",
        "https://talk.example.org/../x",
        "https://täлk.org",
        "https://talk.example.org\n",
        " https://talk.example.org",
    ],
)
def test_a_wrong_public_address_is_refused(url: str, tmp_path: Path) -> None:
    file = tmp_path / "talkd.toml"
    file.write_text(f"[server]\npublic_url = {json.dumps(url)}\n")
    sources: list[tuple[Path | None, dict[str, str]]] = [(file, {}), (None, {"TALKD_URL": url})]
    for source in [*sources, (None, {"TALKD_SERVER_PUBLIC_URL": url})]:
        with pytest.raises(ConfigError, match=r"(?s)public_url: .*write scheme, host and at most a path") as refused:
            load(*source)
        assert "secret" not in str(refused.value)
    with pytest.raises(ConfigError, match="public_url"):
        load(None, {}, {("server", "public_url"): url})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot = 1", "no setting prot; there are server, "),
        ("[server]\nprot = 1", r"no setting server\.prot; \[server\] has host, port, "),
        ("server = 1", r"setting server: it is a group; write its options below a line \[server\]"),
        ("[server]\nport = true", r"setting server\.port: Expected a number, got true or false"),
        ("[server]\nport = 80.5", r"setting server\.port: Expected a number, got a fraction"),
        ("[server]\nport = 1979-05-27", r"setting server\.port: Expected a number, got a date or time"),
        ("[server]\nport = {http = 80}", r"setting server\.port: Expected a number, got a group"),
        ("[server]\nport = 70000", r"server\.port: 70000; ports go from 1 to 65535"),
        ('[calls]\nstun_servers = "a:1"', r"calls\.stun_servers: Expected a list like .*, got a text"),
        ("[calls]\nstun_servers = [1]", r"calls\.stun_servers\[0\]: Expected a text, got a number"),
        ('[mail]\nsender = "talk@localhost"', r"mail\.sender: talk@localhost; write it like talk@example\.org"),
        ('[mail]\nsecurity = "ssl"', r"mail\.security: use one of starttls, tls, none"),
        ("[security]\nattempts = 0", r"security\.attempts: 0; the minimum is 1"),
        ("[server]\nmax_connections = -5", r"server\.max_connections: -5"),
        ('[identity]\nversion = "abc"', r"identity\.version: abc; write it like"),
        ('[identity]\ncolor = "red"', r"identity\.color: red; write it like"),
        ('dev = "maybe"', "setting dev: Expected true or false, got a text"),
    ],
)
def test_an_error_says_what_is_wrong_in_a_file(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "talkd.toml").write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        load(tmp_path / "talkd.toml", {})


def test_api_versions_are_announced_by_known_names() -> None:
    assert load(None, {}).identity.announced_apis == ["chat-v2", "conversation-v4", "signaling-v3"]
    older = load(None, {"TALKD_IDENTITY_ANNOUNCED_APIS": "conversation-v4, conversation-v2"})
    assert older.identity.announced_apis == ["conversation-v4", "conversation-v2"]
    with pytest.raises(ConfigError, match=r"announced_apis: conversation-v9, talk; use some of chat, .*signaling-v3"):
        load(None, {"TALKD_IDENTITY_ANNOUNCED_APIS": "conversation-v9,chat,talk"})


def test_unreadable_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml", {})
    broken = tmp_path / "broken.toml"
    broken.write_text("port = = 1")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(broken, {})


def test_variables_that_commands_read_are_no_settings() -> None:
    load(None, {"TALKD_PASSWORD": "x", "TALKD_CONFIG": "x"})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://talkd:hidden@db.example.org/talkd",
        "postgres://talkd@[2001:db8::1]:5432/talkd?sslmode=require",
        "postgresql://talkd:hid%2Fden@one:1,two:2/talkd",
        "postgresql://postgres:@/talkd?host=/run/postgresql",
    ],
)
def test_valid_database_urls_are_kept(url: str) -> None:
    assert load(None, {"TALKD_DATABASE": url}).database.url == url


@pytest.mark.parametrize(
    "url",
    [
        "mysql://talkd:hidden@db/talkd",
        "talkd:hidden@db",
        "postgresql://talkd:hid/den@db/talkd",
        "postgresql://talkd:hid?den@db/talkd",
        "postgresql://talkd:12?den@db/talkd",
        "postgresql://talkd:hid#den@db/talkd",
        "postgresql://talkd:hid@den@db/talkd",
        "postgresql://talkd:hidden@db:port/talkd",
        "postgresql://talkd:hidden@db:99999/talkd",
        "postgresql://talkd:hidden@[::1/talkd",
    ],
)
def test_the_error_for_a_wrong_database_url_does_not_show_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"database\.url: write it like") as refused:
        load(None, {"TALKD_DATABASE": url})
    assert "hid" not in str(refused.value)
    assert "den" not in str(refused.value)


def test_a_setting_without_documentation_is_named() -> None:
    with pytest.raises(ValueError, match=r"the setting group\.undocumented has no documentation"):
        runpy.run_path(str(SETTINGS_PAGE))["table"](Group(), "group")


@pytest.mark.parametrize(
    "url",
    [
        "s3://contents",
        "s3://contents/folder/below?endpoint=https://s3.example.org:9000&region=eu-1",
        "s3://my.bucket-1/?endpoint=http://[::1]:9000",
    ],
)
def test_files_can_be_kept_on_s3(url: str) -> None:
    assert load(None, {"TALKD_FILES_STORAGE": url}).files.storage == url


@pytest.mark.parametrize(
    "url",
    [
        "contents",
        "/var/lib/files",
        "s3://",
        "s3:///folder",
        "s3://AKID:hidden@contents",
        "s3://contents?key=hidden",
        "s3://contents?endpoint=https://user:hidden@s3.example.org",
        "s3://contents?endpoint=ftp://hidden",
        "s3://contents?region=eu-1&region=hidden",
        "s3://contents?region",
        "s3://contents/../hidden",
        "s3://contents#hidden",
        "gs://hidden",
    ],
)
def test_another_storage_of_files_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"files\.storage: write it like s3://bucket") as caught:
        load(None, {"TALKD_FILES_STORAGE": url})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("address", ["127.0.0.1:3310", "clamd.test:3310", "[::1]:3310", "/run/clamav/clamd.ctl"])
def test_a_scanner_has_a_port_or_a_socket(address: str) -> None:
    assert load(None, {"TALKD_FILES_SCANNER": address}).files.scanner == address


@pytest.mark.parametrize("address", ["127.0.0.1", "clamd", ":3310", "127.0.0.1:99999", "run/clamd.ctl", "a b:3310"])
def test_another_scanner_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=r"files\.scanner: .*write it like 127\.0\.0\.1:3310"):
        load(None, {"TALKD_FILES_SCANNER": address})


def test_types_of_files_are_media_types() -> None:
    assert load(None, {"TALKD_FILES_TYPES": "image/*, application/pdf"}).files.types == ["image/*", "application/pdf"]
    for wrong in ("image", "image/", "*.png", "image/png; q=1"):
        with pytest.raises(ConfigError, match=r"files\.types: .*write it like image/\*"):
            load(None, {"TALKD_FILES_TYPES": wrong})
