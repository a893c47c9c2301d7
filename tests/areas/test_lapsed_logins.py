"""Unused browser sessions and unfinished login flows are deleted."""

import pytest
import sqlalchemy as sa

from support.browsers import log_in
from support.people import Person
from support.running import Server
from support.time import pass_time
from talkd.areas.login.credentials import REMEMBER, Credentials
from talkd.core import ids
from talkd.storage.schema import login_flows, web_sessions
from talkd.storage.statements import Statement, bind

_BROWSERS = Statement(
    sa.select(sa.func.count()).select_from(web_sessions).where(web_sessions.c.user_id == bind("user_id"))
)
_FLOW = Statement(sa.select(login_flows.c.created_at).where(login_flows.c.poll_fingerprint == bind("poll_fingerprint")))


def browsers_of(server: Server, person: Person) -> int:
    number: int = server.read(lambda tx: tx.value(_BROWSERS, user_id=person.id))
    return number


def is_stored(server: Server, poll_token: str) -> bool:
    """Return True if the database has a login flow, even an outdated one, which no operation finds."""
    return server.read(lambda tx: tx.one(_FLOW, poll_fingerprint=ids.fingerprint(poll_token))) is not None


def test_unused_browser_sessions_are_deleted(server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    lifetime = server.config.security.session_lifetime
    log_in(server, alice)
    server.run_job("close_lapsed_browsers")
    assert browsers_of(server, alice) == 1
    pass_time(monkeypatch, lifetime + 10)
    fresh = log_in(server, alice)
    server.run_job("close_lapsed_browsers")
    assert browsers_of(server, alice) == 1
    assert fresh.get("/ocs/v2.php/cloud/user").json()["ocs"]["data"]["id"] == alice.id


def test_unfinished_login_flows_are_deleted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    poll_token = server.visitor().request("POST", "/login/v2").json()["poll"]["token"]
    server.run_job("delete_unfinished_logins")
    assert is_stored(server, poll_token)
    pass_time(monkeypatch, 1210)
    server.run_job("delete_unfinished_logins")
    assert not is_stored(server, poll_token)


def test_nothing_stays_in_memory_of_accounts_that_changed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = server.app.world[Credentials]
    alice = server.add_user("alice")
    server.admin.put(f"/ocs/v2.php/cloud/users/{alice.id}", json={"key": "display", "value": "Alice B."})
    assert alice.id in credentials._changed
    pass_time(monkeypatch, REMEMBER + 1)
    assert alice.id not in credentials._changed
