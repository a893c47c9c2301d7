"""API v4 refuses Talk apps that are too old, and answers all other clients."""

from collections.abc import Iterator

import pytest

from support.running import Server

ROOMS = "/ocs/v2.php/apps/spreed/api/v4/room"
CONFIG = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed"
ANDROID, IOS = "Mozilla/5.0 (Android) Nextcloud-Talk v{}", "Mozilla/5.0 (iOS) Nextcloud-Talk v{}"
LINUX, MAC = "Mozilla/5.0 (Linux) Nextcloud-Talk v{}", "Mozilla/5.0 (Macintosh) Nextcloud-Talk v{}"


@pytest.fixture
def config(sqlite_server: Server) -> Iterator[dict[str, str]]:
    """Settings that are removed after the test."""
    chosen: dict[str, str] = {}
    yield chosen
    for key in chosen:
        sqlite_server.admin.delete(f"{CONFIG}/{key}")


def minimum_for(server: Server, agent: str, path: str = ROOMS) -> str | None:
    """Send a request with a User-Agent. Return None if it is answered, else the required version."""
    answer = server.admin.get(path, headers={"User-Agent": agent})
    if answer.status_code != 426:
        assert answer.status_code == 200
        return None
    ocs = answer.json()["ocs"]
    assert (ocs["meta"]["status"], ocs["meta"]["statuscode"], ocs["data"]) == ("failure", 426, [])
    return str(ocs["meta"]["message"])


@pytest.mark.parametrize(
    ("agent", "minimum"),
    [
        (ANDROID.format("14.9.9"), "15.0.0"),
        (ANDROID.format("15.0.0"), None),
        (ANDROID.format("15.0.0-rc1"), None),
        (ANDROID.format("15"), None),
        (ANDROID.format("25.1.0-alpha02"), None),
        (ANDROID.format("2.0.0") + " (Google Play)", "15.0.0"),
        (IOS.format("14.0.3"), "15.0.0"),
        (IOS.format("15.0.0"), None),
        (LINUX.format("0.29.0"), "1.0.0"),
        (MAC.format("0.9.0-beta"), "1.0.0"),
        (MAC.format("1.0.0"), None),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", None),
        ("nc_py_api/0.1.0", None),
        ("Nextcloud-Talk v1.0.0", None),
        ("", None),
    ],
)
def test_outdated_apps_get_426_with_the_oldest_version(sqlite_server: Server, agent: str, minimum: str | None) -> None:
    assert minimum_for(sqlite_server, agent) == minimum


@pytest.mark.parametrize(("agent", "minimum"), [(ANDROID, "18.0.0"), (IOS, "18.0.0"), (LINUX, None)])
@pytest.mark.parametrize("asked", ["1", "2"])
def test_with_recording_consent_only_apps_that_ask_for_it_are_supported(
    sqlite_server: Server, config: dict[str, str], agent: str, minimum: str | None, asked: str
) -> None:
    config["recording_consent"] = asked
    sqlite_server.admin.post(f"{CONFIG}/recording_consent", json={"value": asked}).raise_for_status()
    assert minimum_for(sqlite_server, agent.format("17.1.4")) == minimum
    assert minimum_for(sqlite_server, agent.format("18.0.0")) is None


@pytest.mark.parametrize(("agent", "kind"), [(ANDROID, "android"), (IOS, "ios"), (MAC, "desktop")])
def test_administrators_can_require_newer_apps(
    sqlite_server: Server, config: dict[str, str], agent: str, kind: str
) -> None:
    key = f"minimum.supported.{kind}.version"
    config[key] = "21.1.0"
    sqlite_server.admin.post(f"{CONFIG}/{key}", json={"value": "21.1.0"}).raise_for_status()
    assert minimum_for(sqlite_server, agent.format("0.1.0")) in ("15.0.0", "1.0.0")
    assert minimum_for(sqlite_server, agent.format("21.0.9")) == "21.1.0"
    assert minimum_for(sqlite_server, agent.format("21.1.0")) is None


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_older_api_versions_answer_apps_of_every_version(sqlite_server: Server, version: str) -> None:
    assert minimum_for(sqlite_server, ANDROID.format("1.0.0"), ROOMS.replace("v4", version)) is None


def test_envelope_v1_has_the_status_426_in_the_body(sqlite_server: Server) -> None:
    answer = sqlite_server.admin.get(ROOMS.replace("v2.php", "v1.php"), headers={"User-Agent": IOS.format("1.0")})
    assert (answer.status_code, answer.json()["ocs"]["meta"]["statuscode"]) == (200, 426)
