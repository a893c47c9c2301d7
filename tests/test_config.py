from pathlib import Path

import pytest

from talkd.config import ConfigError, load


def test_defaults() -> None:
    config = load(None, {})
    assert (config.server.port, config.database.url, config.dev) == (8080, "", False)


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "talkd.toml"
    file.write_text('data = "one"\n[server]\nport = 1001\nhost = "127.0.0.2"\n')
    environment = {"TALKD_PORT": "1002", "TALKD_DATA": "two", "TALKD_LOG_LEVEL": "debug"}
    config = load(file, environment, {("server", "port"): 1003})
    assert (config.server.port, config.server.host) == (1003, "127.0.0.2")
    assert (config.data, config.log.level) == ("two", "debug")


def test_short_names() -> None:
    config = load(None, {"TALKD_URL": "https://talk.example.org", "TALKD_ADMIN_USER": "root", "TALKD_DEV": "true"})
    assert (config.server.public_url, config.admin_user, config.dev) == ("https://talk.example.org", "root", True)


def test_lists_in_the_environment_are_separated_by_commas() -> None:
    config = load(None, {"TALKD_SERVER_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2", "TALKD_CALLS_STUN_SERVERS": ""})
    assert config.server.trusted_proxies == ["10.0.0.1", "10.0.0.2"]
    assert config.calls.stun_servers == []


@pytest.mark.parametrize(
    "environment", [{"TALKD_NONSENSE": "1"}, {"TALKD_SERVER_NONSENSE": "1"}, {"TALKD_PORT": "eighty"}]
)
def test_mistakes_are_named(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        load(None, environment)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot = 1", "no setting prot; there are server, "),
        ("[server]\nprot = 1", r"no setting server\.prot; \[server\] has host, port, "),
        ("server = 1", r"setting server: it is a group, its options come below a line \[server\]"),
        ("[server]\nport = true", r"setting server\.port: Expected a number, got true or false"),
        ("[server]\nport = 70000", r"server\.port: 70000; ports go from 1 to 65535"),
        ('[calls]\nstun_servers = "a:1"', r"calls\.stun_servers: Expected a list like .*, got a text"),
        ("[calls]\nstun_servers = [1]", r"calls\.stun_servers\[0\]: Expected a text, got a number"),
        ('[mail]\nsecurity = "ssl"', r"mail\.security: it is one of starttls, tls, none"),
        ("[security]\nattempts = 0", r"security\.attempts: 0; it is 1 at least"),
        ("[server]\nmax_connections = -5", r"server\.max_connections: -5"),
        ('[identity]\nversion = "abc"', r"identity\.version: abc; write it like"),
        ('[identity]\ncolor = "red"', r"identity\.color: red; write it like"),
        ('dev = "maybe"', "setting dev: Expected true or false, got a text"),
    ],
)
def test_mistakes_in_files_are_explained(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "talkd.toml").write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        load(tmp_path / "talkd.toml", {})


def test_api_versions_are_announced_by_known_names() -> None:
    assert load(None, {}).identity.announced_apis == ["chat-v2", "conversation-v4", "signaling-v3"]
    older = load(None, {"TALKD_IDENTITY_ANNOUNCED_APIS": "conversation-v4, conversation-v2"})
    assert older.identity.announced_apis == ["conversation-v4", "conversation-v2"]
    with pytest.raises(ConfigError, match=r"announced_apis: conversation-v9, talk; there are chat, .*signaling-v3"):
        load(None, {"TALKD_IDENTITY_ANNOUNCED_APIS": "conversation-v9,chat,talk"})


def test_unreadable_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml", {})
    broken = tmp_path / "broken.toml"
    broken.write_text("port = = 1")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(broken, {})


def test_a_password_for_the_command_line_is_no_setting() -> None:
    load(None, {"TALKD_PASSWORD": "x", "TALKD_CONFIG": "x"})
