"""Notifications over their API, and what becomes of them in the long run."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from support.notifications import PATH, kept, subjects, told
from support.people import ONE_TO_ONE, Person
from support.running import Server
from talkd.areas.notifications import outbox, service
from talkd.areas.notifications.model import MAX_KEPT
from talkd.storage.schema import messages, rooms
from talkd.storage.statements import Statement, bind

_DAMAGE = Statement(
    sa.update(messages).where(messages.c.id == bind("message_id")).values(parameters=sa.literal_column("'broken'"))
)
_FLOOD = Statement(
    sa.text(
        "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) "
        "INSERT INTO notifications(room_id, user_id, subject, object_type, occasion) "
        "SELECT rooms.id, :user_id, 'call', 'call', number FROM rooms, numbers WHERE token = :token"
    )
)
_SLIP_IN = Statement(
    sa.text(
        "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 50) "
        "INSERT INTO messages(room_id, message, countable) SELECT id, 'No. ' || number, 1 FROM rooms, numbers "
        "WHERE token = :token"
    )
)
_ROOM_ID = Statement(sa.select(rooms.c.id).where(rooms.c.token == bind("token")))
_FORGET = Statement(sa.update(rooms).where(rooms.c.token == bind("token")).values(notified_id=0))


# --- the API --------------------------------------------------------------------------------
def test_there_is_nothing_to_tell_newcomers(server: Server) -> None:
    answer = server.add_user("new").request("GET", PATH)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, [])


def test_what_is_known_is_not_sent_again(alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "Hello")
    told(bob)
    first = bob.request("GET", PATH)
    known = {"If-None-Match": first.headers["etag"]}
    again = bob.http.get(PATH, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    alice.say(private, "More")
    told(bob)
    assert bob.http.get(PATH, headers=known).status_code == 200


def test_notifications_can_be_dismissed(alice: Person, bob: Person, private: str) -> None:
    for number in range(3):
        alice.say(private, str(number))
    numbers = [each["notification_id"] for each in told(bob)]
    assert bob.post(f"{PATH}/exists", ids=[*numbers, 999_999_999]) == sorted(numbers)
    assert bob.delete(f"{PATH}/{numbers[0]}") is None
    assert bob.status("DELETE", f"{PATH}/{numbers[0]}") == 200
    assert bob.refused("GET", f"{PATH}/{numbers[0]}") == (404, None)
    assert bob.post(f"{PATH}/exists", ids=numbers) == sorted(numbers[1:])
    bob.delete(PATH)
    assert bob.get(PATH) == []
    assert bob.status("POST", f"{PATH}/exists", ids=list(range(201))) == 400


def test_notifications_are_ones_own(server: Server, alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "Hello")
    (shown,) = told(bob)
    number = shown["notification_id"]
    assert alice.refused("GET", f"{PATH}/{number}") == (404, None)
    assert alice.post(f"{PATH}/exists", ids=[number]) == []
    alice.delete(f"{PATH}/{number}")
    alice.delete(PATH)
    assert len(told(bob)) == 1
    assert server.visitor().status("GET", PATH) == 401


def test_an_account_made_anew_does_not_speak_in_old_notifications(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    bob.say(token, f"@{alice.id}")
    told(alice)
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    (shown,) = told(alice)
    assert shown["subject"] == "A deleted user mentioned you in conversation Room"
    assert "user" not in shown["subjectRichParameters"]


# --- keeping it in bounds, and keeping it ---------------------------------------------------
def test_no_more_is_kept_than_anybody_looks_through(server: Server, alice: Person, bob: Person, private: str) -> None:
    said = [alice.say(private, str(number)) for number in range(MAX_KEPT + 3)]
    assert [each["message"] for each in told(bob)] == [str(MAX_KEPT + 2 - n) for n in range(25)]
    server.run_job("trim_notifications")
    assert kept(server, bob) == MAX_KEPT
    bob.post(f"v1/chat/{private}/read", lastReadMessage=said[-2]["id"])
    alice.say(private, "one more")
    told(bob)
    server.run_job("trim_notifications")
    assert kept(server, bob) == 2


def test_cleaning_up_after_a_flood_is_no_matter_of_seconds(sqlite_server: Server) -> None:
    alice, bob = (sqlite_server.add_user(name) for name in ("alice", "bob"))
    flooded: str = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]

    async def flood(tx: Any) -> None:
        await tx.run(_FLOOD, token=flooded, user_id=bob.id)

    sqlite_server.write(flood)
    began = time.process_time()
    sqlite_server.write(lambda tx: service.tidy(tx, [bob.id]))
    assert time.process_time() - began < 1
    assert kept(sqlite_server, bob) == MAX_KEPT


def test_what_was_not_told_before_a_crash_is_told_afterwards(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    alice.say(private, "Hello")
    (before,) = told(bob)
    bob.delete(PATH)

    async def forget(tx: Any) -> None:
        await tx.run(_FORGET, token=private)

    server.write(forget)  # as if the process had died right after the message was stored
    assert kept(server, bob) == 0
    server.run_job("resume_notifications")
    server.run_job("deliver_notifications")
    assert kept(server, bob) == 1
    (after,) = told(bob)
    assert after["object_id"] == before["object_id"]
    server.run_job("resume_notifications")
    server.run_job("deliver_notifications")
    assert [each["notification_id"] for each in told(bob)] == [after["notification_id"]]


def test_a_broken_message_keeps_no_other_waiting(
    server: Server, alice: Person, bob: Person, private: str, token: str
) -> None:
    first, broken, last = (alice.say(token, f"{word} @{bob.id}") for word in ("first", "broken", "last"))
    assert len(told(bob)) == 3
    bob.delete(PATH)

    async def damage(tx: Any) -> None:
        await tx.run(_DAMAGE, message_id=broken["id"])
        await tx.run(_FORGET, token=token)

    server.write(damage)
    server.run_job("resume_notifications")
    elsewhere = alice.say(private, "Hello")
    assert [each["object_id"].split("/")[1] for each in told(bob)] == [
        str(said["id"]) for said in (elsewhere, last, first)
    ]


def test_those_who_meet_a_broken_message_together_skip_only_that_one(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    said = [alice.say(token, f"{number} @{bob.id}")["id"] for number in range(12)]
    assert len(told(bob)) == 12
    bob.delete(PATH)

    async def damage(tx: Any) -> int:
        await tx.run(_DAMAGE, message_id=said[3])
        await tx.run(_FORGET, token=token)
        return int(await tx.value(_ROOM_ID, token=token))

    room_id = server.write(damage)

    async def deliver() -> None:
        await asyncio.gather(*(outbox.deliver(server.app.world.db, [room_id]) for _ in range(4)))

    server.run(deliver())
    numbers = [int(each["object_id"].split("/")[1]) for each in told(bob)]
    assert numbers == [number for number in reversed(said) if number != said[3]]


def test_messages_that_the_room_knows_nothing_of_keep_nobody_busy(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    async def slip_in(tx: Any) -> None:
        await tx.run(_SLIP_IN, token=private)
        await tx.run(_FORGET, token=private)

    alice.say(private, "Hello")
    server.write(slip_in)
    server.run_job("resume_notifications")
    assert subjects(bob) == ["Alice sent you a private message"]
    alice.say(private, "And now?")
    told(bob)
    assert kept(server, bob) == 52


def test_while_many_write_everything_is_told_once(
    server: Server, alice: Person, bob: Person, private: str, threads: ThreadPoolExecutor
) -> None:
    def write(number: int) -> str:
        said = alice.say(private, str(number))
        server.run_job("deliver_notifications")
        return f"{private}/{said['id']}"

    said = list(threads.map(write, range(24)))
    assert sorted(each["object_id"] for each in told(bob)) == sorted(said)
