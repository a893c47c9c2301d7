"""The notifications API, and the creation and cleanup of stored notifications."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from support.notifications import PATH, count_stored, notifications_of, subjects
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
def test_a_new_user_has_no_notifications(server: Server) -> None:
    answer = server.add_user("new").request("GET", PATH)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, [])


def test_a_known_etag_gets_304(alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "Hello")
    notifications_of(bob)
    first = bob.request("GET", PATH)
    known = {"If-None-Match": first.headers["etag"]}
    again = bob.http.get(PATH, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    alice.say(private, "More")
    notifications_of(bob)
    assert bob.http.get(PATH, headers=known).status_code == 200


def test_notifications_can_be_dismissed(alice: Person, bob: Person, private: str) -> None:
    for number in range(3):
        alice.say(private, str(number))
    numbers = [each["notification_id"] for each in notifications_of(bob)]
    assert bob.post(f"{PATH}/exists", ids=[*numbers, 999_999_999]) == sorted(numbers)
    assert bob.delete(f"{PATH}/{numbers[0]}") is None
    assert bob.status("DELETE", f"{PATH}/{numbers[0]}") == 200
    assert bob.refused("GET", f"{PATH}/{numbers[0]}") == (404, None)
    assert bob.post(f"{PATH}/exists", ids=numbers) == sorted(numbers[1:])
    bob.delete(PATH)
    assert bob.get(PATH) == []
    assert bob.status("POST", f"{PATH}/exists", ids=list(range(201))) == 400


def test_users_see_and_dismiss_only_their_own_notifications(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    alice.say(private, "Hello")
    (shown,) = notifications_of(bob)
    number = shown["notification_id"]
    assert alice.refused("GET", f"{PATH}/{number}") == (404, None)
    assert alice.post(f"{PATH}/exists", ids=[number]) == []
    alice.delete(f"{PATH}/{number}")
    alice.delete(PATH)
    assert len(notifications_of(bob)) == 1
    assert server.visitor().status("GET", PATH) == 401


def test_notifications_do_not_name_a_deleted_account(server: Server, alice: Person, bob: Person, token: str) -> None:
    bob.say(token, f"@{alice.id}")
    notifications_of(alice)
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    (shown,) = notifications_of(alice)
    assert shown["subject"] == "A deleted user mentioned you in conversation Room"
    assert "user" not in shown["subjectRichParameters"]


# --- limits, crashes and concurrency --------------------------------------------------------
def test_only_the_newest_notifications_are_kept(server: Server, alice: Person, bob: Person, private: str) -> None:
    said = [alice.say(private, str(number)) for number in range(MAX_KEPT + 3)]
    assert [each["message"] for each in notifications_of(bob)] == [str(MAX_KEPT + 2 - n) for n in range(25)]
    server.run_job("trim_notifications")
    assert count_stored(server, bob) == MAX_KEPT
    bob.post(f"v1/chat/{private}/read", lastReadMessage=said[-2]["id"])
    alice.say(private, "one more")
    notifications_of(bob)
    server.run_job("trim_notifications")
    assert count_stored(server, bob) == 2


def test_thousands_of_notifications_are_cleaned_up_within_a_second(sqlite_server: Server) -> None:
    alice, bob = (sqlite_server.add_user(name) for name in ("alice", "bob"))
    flooded: str = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]

    async def flood(tx: Any) -> None:
        await tx.run(_FLOOD, token=flooded, user_id=bob.id)

    sqlite_server.write(flood)
    began = time.process_time()
    sqlite_server.write(lambda tx: service.trim(tx, [bob.id]))
    assert time.process_time() - began < 1
    assert count_stored(sqlite_server, bob) == MAX_KEPT


def test_notifications_outstanding_at_a_crash_are_created_afterwards(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    alice.say(private, "Hello")
    (before,) = notifications_of(bob)
    server.run_job("deliver_notifications")  # so that the server's own job has nothing to do
    bob.delete(PATH)

    async def forget(tx: Any) -> None:
        await tx.run(_FORGET, token=private)

    server.write(forget)  # as if the process had died right after the message was stored
    assert count_stored(server, bob) == 0
    server.run_job("resume_notifications")
    server.run_job("deliver_notifications")
    assert count_stored(server, bob) == 1
    (after,) = notifications_of(bob)
    assert after["object_id"] == before["object_id"]
    server.run_job("resume_notifications")
    server.run_job("deliver_notifications")
    assert [each["notification_id"] for each in notifications_of(bob)] == [after["notification_id"]]


def test_a_broken_message_does_not_block_other_notifications(
    server: Server, alice: Person, bob: Person, private: str, token: str
) -> None:
    first, broken, last = (alice.say(token, f"{word} @{bob.id}") for word in ("first", "broken", "last"))
    assert len(notifications_of(bob)) == 3
    bob.delete(PATH)

    async def damage(tx: Any) -> None:
        await tx.run(_DAMAGE, message_id=broken["id"])
        await tx.run(_FORGET, token=token)

    server.write(damage)
    server.run_job("resume_notifications")
    elsewhere = alice.say(private, "Hello")
    assert [each["object_id"].split("/")[1] for each in notifications_of(bob)] == [
        str(said["id"]) for said in (elsewhere, last, first)
    ]


def test_concurrent_deliveries_skip_only_the_broken_message(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    said = [alice.say(token, f"{number} @{bob.id}")["id"] for number in range(12)]
    assert len(notifications_of(bob)) == 12
    bob.delete(PATH)

    async def damage(tx: Any) -> int:
        await tx.run(_DAMAGE, message_id=said[3])
        await tx.run(_FORGET, token=token)
        return int(await tx.value(_ROOM_ID, token=token))

    room_id = server.write(damage)

    async def deliver() -> None:
        await asyncio.gather(*(outbox.deliver(server.app.world.db, [room_id]) for _ in range(4)))

    server.run(deliver())
    numbers = [int(each["object_id"].split("/")[1]) for each in notifications_of(bob)]
    assert numbers == [number for number in reversed(said) if number != said[3]]


def test_messages_after_the_last_message_of_the_room_do_not_loop(
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
    notifications_of(bob)
    assert count_stored(server, bob) == 52


def test_concurrent_messages_notify_once_each(
    server: Server, alice: Person, bob: Person, private: str, threads: ThreadPoolExecutor
) -> None:
    def write(number: int) -> str:
        said = alice.say(private, str(number))
        server.run_job("deliver_notifications")
        return f"{private}/{said['id']}"

    said = list(threads.map(write, range(24)))
    assert sorted(each["object_id"] for each in notifications_of(bob)) == sorted(said)
