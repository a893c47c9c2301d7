"""A process that starts while others serve the database."""

import sqlalchemy as sa

from support.company import Company
from talkd.areas.announcements import service
from talkd.bus.others import Others, Process
from talkd.core import clock
from talkd.storage.database import Tx
from talkd.storage.schema import processes
from talkd.storage.statements import Statement, bind

_SET_AHEAD = Statement(sa.update(processes).where(processes.c.id == bind("id")).values(ahead=processes.c.ahead + 5000))


def test_no_ids_are_skipped_while_others_serve_the_database(company: Company) -> None:
    """A process that dies and is replaced again and again would use up the ids."""
    first, second = company(2)
    alice = first.add_user("alice")
    token = alice.create_room()
    before = alice.say(token, "before")["id"]
    for _ in range(3):
        second.restart()
    assert alice.say(token, "after")["id"] == before + 1


def test_ids_are_skipped_by_the_first_process(company: Company) -> None:
    (only,) = company(1)
    alice = only.add_user("alice")
    token = alice.create_room()
    before = alice.say(token, "before")["id"]
    only.restart()
    assert type(alice)(only.client(alice.id), alice.id).say(token, "after")["id"] > before + 1000


def test_a_process_continues_the_time_scale_of_the_others(company: Company) -> None:
    """The clock of its machine may differ from theirs. It reads how far their scale is from the database server's."""
    (only,) = company(1)
    me, start = 4711, clock.get_start()

    async def enter(tx: Tx) -> None:
        await service.enter(tx, Process(me, "bus", "another machine, process 1", 0, hears=True))
        await tx.run(_SET_AHEAD, id=me)

    try:
        only.write(enter)
        before = clock.precise()
        only.read(lambda tx: service.follow_scale(tx, [me]))
        assert 4.9 < clock.precise() - before < 6
        assert only.app.world[Others].me != me
    finally:
        clock.continue_from(start)
