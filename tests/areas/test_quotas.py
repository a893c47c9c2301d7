"""Quotas of accounts: who sets them, what they show, and that they hold."""

from collections.abc import Callable
from typing import Any

import pytest

from support.commands import run_command, run_talkd
from support.files import Files
from support.people import Person, data_of
from support.running import Server
from support.storages import folder_of
from talkd.areas.files.quota_model import parse_quota
from talkd.config import Config
from talkd.core.errors import Invalid

USERS = "/ocs/v2.php/cloud/users"
UNLIMITED = {"free": -3, "used": 0, "total": -3, "relative": 0, "quota": -3}


@pytest.fixture
def dora(server: Server) -> Person:
    """A new account."""
    return server.add_user("dora")


def set_quota(server: Server, person: Person, size: str) -> None:
    data_of(server.admin.put(f"{USERS}/{person.id}", json={"key": "quota", "value": size}))


def quota_of(person: Person) -> dict[str, Any]:
    """Return the quota as its owner sees it."""
    quota: dict[str, Any] = data_of(person.http.get("/ocs/v2.php/cloud/user"))["quota"]
    return quota


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5 GB", str(5 << 30)),
        ("5gb", str(5 << 30)),
        ("1.5 MB", str(3 << 19)),
        ("1,5 MB", str(3 << 19)),
        ("10 KiB", "10240"),
        ("2 T", str(2 << 40)),
        ("123", "123"),
        ("123 B", "123"),
        ("0", "0"),
        (" None ", "none"),
        ("default", "default"),
    ],
)
def test_quotas_are_written_in_bytes_or_with_a_unit(text: str, size: str) -> None:
    assert parse_quota(text) == size


@pytest.mark.parametrize(
    "text", ["", "-1", "5 apples", "GB", "1.2345 GB", "9999999999999999", "99999999999999 PB", "1e9"]
)
def test_other_quotas_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_quota(text)


def test_a_quota_is_shown_with_what_is_used(server: Server, dora: Person) -> None:
    files = Files(dora)
    assert quota_of(dora) == UNLIMITED
    files.put("/a", bytes(250))
    assert quota_of(dora) == {**UNLIMITED, "used": 250}
    set_quota(server, dora, "1000")
    shown = {"free": 750, "used": 250, "total": 1000, "relative": 25, "quota": 1000}
    assert quota_of(dora) == data_of(server.admin.get(f"{USERS}/{dora.id}"))["quota"] == shown
    listed = data_of(server.admin.get(f"{USERS}/details", params={"search": dora.id}))["users"]
    assert listed[dora.id]["quota"] == shown
    assert files.list("/", 0, "d:quota-available-bytes")["/"]["quota-available-bytes"] == "750"
    set_quota(server, dora, "default")
    assert quota_of(dora) == {**UNLIMITED, "used": 250}


def test_a_quota_holds_for_uploads_and_copies(server: Server, dora: Person) -> None:
    files, other = Files(dora), Files(server.add_user("erik"))
    set_quota(server, dora, "1 KB")
    files.put("/a", bytes(1000))
    files.put("/a", bytes(1024))
    assert files.status("PUT", "/b", b"x") == 507
    assert files.move("/a", "/c", "COPY") == 507
    assert files.status("PUT", "/a", bytes(1025)) == 507
    assert files.put("/empty", b"").status_code == 201
    set_quota(server, dora, "10")
    assert quota_of(dora)["free"] == 0
    assert files.get("/a") == bytes(1024)
    assert files.put("/a", bytes(9)).status_code == 204
    other.put("/a", bytes(5000))


def test_the_quota_of_an_account_wins_over_the_setting(databases: Any, new_server: Callable[[Config], Server]) -> None:
    config: Config = databases.config("sqlite")
    config.files.quota = 100
    server = new_server(config)
    people = {name: server.add_account(name, name.capitalize()) for name in ("anna", "bela", "clara")}
    set_quota(server, people["bela"], "none")
    set_quota(server, people["clara"], "200")
    assert [quota_of(person)["quota"] for person in people.values()] == [100, -3, 200]
    statuses = {
        name: [Files(person).status("PUT", f"/{size}", bytes(size)) for size in (90, 105)]
        for name, person in people.items()
    }
    assert statuses == {"anna": [201, 507], "bela": [201, 201], "clara": [201, 201]}
    assert Files(people["clara"]).status("PUT", "/c", bytes(6)) == 507
    set_quota(server, people["clara"], "default")
    assert quota_of(people["clara"]) == {"free": 0, "used": 195, "total": 100, "relative": 195, "quota": 100}


def test_only_administrators_set_quotas(server: Server, dora: Person) -> None:
    answer = dora.http.put(f"{USERS}/{dora.id}", json={"key": "quota", "value": "1 TB"})
    assert (answer.status_code, answer.json()["ocs"]["meta"]["statuscode"]) == (400, 113)
    other = server.add_user("erik")
    answer = dora.http.put(f"{USERS}/{other.id}", json={"key": "quota", "value": "1 TB"})
    assert answer.json()["ocs"]["meta"]["statuscode"] == 998
    assert quota_of(dora) == quota_of(other) == UNLIMITED


def test_a_command_sets_and_shows_quotas(server: Server, dora: Person) -> None:
    Files(dora).put("/a", bytes(2048))
    assert run_command(server, "user", "quota", dora.id) == f"{dora.id}: 2.0 KB used, quota: no limit\n"
    assert run_command(server, "user", "quota", dora.id, "5 GB") == f"{dora.id}: 2.0 KB used, quota: 5.0 GB\n"
    assert quota_of(dora)["quota"] == 5 << 30
    where = {"DATA": server.config.data, "DATABASE_URL": server.config.database.url}
    settings = {name: value for name, value in where.items() if value}
    assert "Invalid quota value: much" in run_talkd("user", "quota", dora.id, "much", **settings).stderr
    assert "there is no account nobody" in run_talkd("user", "quota", "nobody", **settings).stderr


def test_nothing_is_left_of_a_deleted_account(server: Server, dora: Person) -> None:
    files = Files(dora)
    files.status("MKCOL", "/folder")
    files.put("/folder/a", b"only hers")
    set_quota(server, dora, "1 GB")
    data_of(server.admin.delete(f"{USERS}/{dora.id}"))
    files = Files(server.add_account(dora.id, "Another Dora"))
    assert list(files.list("/", 1)) == ["/"]
    assert files.status("GET", "/folder/a") == 404
    assert quota_of(files.person) == UNLIMITED
    files.put("/a", b"new")
    server.run_job("delete_removed_files")
    assert set(files.list("/", 1)) == {"/", "/a"}
    assert files.get("/a") == b"new"
    left = [path.read_bytes() for path in folder_of(server.config).rglob("*") if path.is_file()]
    assert b"new" in left
    assert b"only hers" not in left
