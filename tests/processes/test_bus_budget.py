"""How many messages go over the bus for what happens most often."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from budgets.budgets import BUS_MESSAGES, BUS_MESSAGES_OF_MARKERS, WAITING
from support.company import at, make_room
from support.people import Person
from support.running import LoopThread, Server
from support.waiting import await_waiting
from talkd.bus.others import Others


def sent_by(server: Server) -> int:
    """Return how many messages a server has sent to others."""
    return server.app.world[Others].told


def has_read(person: Person, token: str, message: int) -> bool:
    """Return whether the read marker of a person is at a message."""
    return bool(person.room(token)["lastReadMessage"] == message)


def test_a_post_is_one_message(pair: tuple[Server, Server]) -> None:
    alice, bob, token = make_room(pair[0])
    bob.join(token)
    alice.join(token)
    alice.say(token, "first")
    for server in pair:
        server.run(server.app.stop_jobs())
    before = sent_by(pair[0])
    for number in range(10):
        alice.say(token, f"message {number}")
    pair[0].run(asyncio.sleep(0))  # a message is told in the moment after its answer
    assert sent_by(pair[0]) - before == 10 * BUS_MESSAGES


def test_markers_that_move_together_are_told_together(pair: tuple[Server, Server], loop_thread: LoopThread) -> None:
    alice, _, token = make_room(pair[0])
    people = [pair[0].add_user("reader") for _ in range(WAITING)]
    for each in people:
        alice.add(token, each)
    known = alice.say(token, "first")["id"]
    readers = [at(pair[1], each) for each in people]
    for each in readers:
        each.room(token)  # logged in
    for server in pair:
        server.run(server.app.stop_jobs())
    path = f"v1/chat/{token}"
    params = {"lookIntoFuture": 1, "timeout": 30, "setReadMarker": 1}
    with ThreadPoolExecutor(WAITING) as pool:
        polls = [pool.submit(each.get, path, lastKnownMessageId=known, **params) for each in readers]
        await_waiting(pair[1], WAITING)
        before = [sent_by(each) for each in pair]
        newest = alice.say(token, "second")["id"]
        for poll in polls:
            assert [each["id"] for each in poll.result(30)] == [newest]
        with loop_thread.still_clock() as move:  # all this happens within a moment, however busy the machine is
            polls = [pool.submit(each.get, path, lastKnownMessageId=newest, **params) for each in readers]
            await_waiting(pair[1], WAITING)
            for each in people:
                pair[0].wait_for(partial(has_read, each, token, newest))
            move(1)
            pair[1].wait_for(lambda: sent_by(pair[1]) > before[1])
        alice.say(token, "third")
        for poll in polls:
            poll.result(30)
    told = [sent_by(each) - count for each, count in zip(pair, before, strict=True)]
    assert told[0] == 2 * BUS_MESSAGES
    assert 0 < told[1] <= BUS_MESSAGES_OF_MARKERS
