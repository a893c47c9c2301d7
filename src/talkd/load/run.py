"""A run: make accounts and rooms, let users act in each step, measure, and remove all that was made."""

import asyncio
import contextlib
import resource
import time
from collections.abc import Sequence

from talkd import __version__
from talkd.core import clock
from talkd.load.actions import Actor, open_room
from talkd.load.crowd import Crowd, Progress
from talkd.load.http import Failed, Login
from talkd.load.measures import Measures
from talkd.load.plan import Plan, Wrong, choose
from talkd.load.processes import LOOK_SECONDS, Own, Watched
from talkd.load.report import (
    FORM,
    Deliveries,
    GeneratorFigures,
    Report,
    ServerFigures,
    Step,
    find_bottlenecks,
    operations_of,
)
from talkd.load.target import Target, require_address, require_talk
from talkd.load.user import Refused, User

ARRIVALS = 20.0
"""How many users a second begin."""
ENTER_SECONDS = 60.0
"""How long after the last of them the measuring begins at the latest, even if some have not opened a room."""
END_SECONDS = 20.0
"""How long actions that are in progress at the end may take."""
DRAIN_SECONDS = 15.0
"""How long after the last message it may reach all who wait."""
BACKLOG_SECONDS = 10.0
"""A user who is later than this with their actions leaves some out, as people do."""
LOOK_AGAIN = 0.05
SPARE_FILES = 100


def require_files(users: int) -> None:
    """Allow as many open files as so many users need, and some more. Raises Wrong."""
    needed = 2 * users + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Wrong(f"{users} users need {needed} open files, and this machine allows {hard}: see `ulimit -Hn`")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


async def find_target(plan: Plan, admin: Login) -> Target:
    """Return the server, if it can be tested. Raises Wrong."""
    return await require_talk(require_address(plan.url, verify=plan.verify), admin)


class Run:
    """A run. `watched` are the processes of the server."""

    def __init__(
        self, plan: Plan, admin: Login, target: Target, watched: Sequence[Watched], progress: Progress, label: str = ""
    ) -> None:
        self.plan, self._target, self._watched, self._progress, self._label = plan, target, watched, progress, label
        self._measures = Measures()
        self._crowd = Crowd(plan, admin, self._measures, progress)
        self._gate = asyncio.Semaphore(plan.at_once)
        self._is_ending = False
        self._cores, self._memory = 0.0, 0
        """What the load generator used in the last step, measured before the users left."""
        self.steps: list[Step] = []
        self.left: list[str] = []
        """The accounts that could not be removed."""
        self.has_data = False
        """Whether there may be accounts of the run on the server that were not tried to be removed."""

    async def perform(self) -> Report:
        """Do everything. What was made is removed in any case. Raises Wrong."""
        began_at = clock.now()
        require_files(self.plan.users)
        self.has_data = True
        try:
            await self._crowd.make()
            for users in self.plan.steps:
                self.steps.append(await self._step(users))
        finally:
            self.left = await asyncio.create_task(self._crowd.remove())  # a task of its own is not cancelled
            self.has_data = False
        plan = self.plan
        return Report(
            form=FORM,
            talkd=__version__,
            server=f"{self._target.name} {self._target.version}".strip(),
            url=plan.url,
            began_at=began_at,
            label=self._label,
            rooms=plan.room_count,
            rate=plan.rate_of(max(plan.steps)),
            seed=plan.seed,
            weights=dict(plan.weights),
            steps=self.steps,
            left_accounts=self.left,
        )

    async def _step(self, users: int) -> Step:
        self._is_ending = False
        actors = [
            Actor(
                User(number, self._crowd.accounts[number], self._crowd.rooms_of(number), self.plan, self._measures),
                f"{self._crowd.run}-{len(self.steps)}",
            )
            for number in range(users)
        ]
        own = Own()
        own.start()
        entered = [asyncio.Event() for _ in actors]
        tasks = [
            asyncio.create_task(self._live(actor, number / ARRIVALS, self.plan.rate_of(users), entered[number]))
            for number, actor in enumerate(actors)
        ]
        faults = self._crowd.faults
        faults.lost = faults.doubled = faults.disordered = 0
        try:
            await self._await_entered(entered, tasks)
            seconds = await self._measure(own, tasks, users)
            await self._end(actors, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await own.stop()
            await asyncio.gather(*(actor.waiter.close() for actor in actors), return_exceptions=True)
        return self._summary(users, seconds, own)

    async def _await_entered(self, entered: list[asyncio.Event], tasks: list[asyncio.Task[None]]) -> None:
        """Wait until all users have opened a room, or for some time."""
        until = time.monotonic() + len(entered) / ARRIVALS + ENTER_SECONDS
        while time.monotonic() < until:
            done = sum(event.is_set() for event in entered)
            self._progress(f"{len(entered)} users begin", done, len(entered))
            _raise_first(tasks)
            if done == len(entered):
                return
            await asyncio.sleep(0.1)

    async def _measure(self, own: Own, tasks: list[asyncio.Task[None]], users: int) -> float:
        """Measure for as long as planned, and return the seconds."""
        self._measures.begin()
        own.begin()
        await self._look(begins=True)
        began = time.perf_counter()
        while (spent := time.perf_counter() - began) < self.plan.seconds:
            self._progress(f"{users} users", round(spent), round(self.plan.seconds))
            await asyncio.sleep(min(LOOK_SECONDS, self.plan.seconds - spent))
            await self._look()
            _raise_first(tasks)
            for room in self._crowd.rooms:
                room.ledger.settle()
        self._measures.end()
        self._cores, self._memory = own.share, own.memory()
        self._progress(f"{users} users", round(self.plan.seconds), round(self.plan.seconds))
        return time.perf_counter() - began

    async def _look(self, *, begins: bool = False) -> None:
        for each in self._watched:
            await each.look(begins=begins)

    async def _end(self, actors: list[Actor], tasks: list[asyncio.Task[None]]) -> None:
        """Let the users finish what they do, and wait until all messages have arrived."""
        self._is_ending = True
        await asyncio.wait(tasks, timeout=END_SECONDS)
        _raise_first(tasks)
        ledgers = [room.ledger for room in self._crowd.rooms]
        for _ in range(round(DRAIN_SECONDS / LOOK_AGAIN)):
            if all(ledger.is_complete() for ledger in ledgers):
                break
            await asyncio.sleep(LOOK_AGAIN)
        for ledger in ledgers:
            ledger.settle(finally_=True)
        for actor in actors:
            actor.user.leave()

    # --- users -------------------------------------------------------------------------------
    async def _live(self, actor: Actor, delay: float, rate: float, entered: asyncio.Event) -> None:
        """Act at random times, on average `rate` times a second."""
        await asyncio.sleep(delay)
        with contextlib.suppress(Refused, Failed):
            async with self._gate:
                await actor.act("login")
                await open_room(actor)
        entered.set()
        numbers, weights = actor.user.numbers, self.plan.weights
        due = time.perf_counter() + numbers.expovariate(rate)
        while not self._is_ending:
            left = due - time.perf_counter()
            if left > 0:
                await asyncio.sleep(min(left, LOOK_SECONDS))
                continue
            async with self._gate:
                late = time.perf_counter() - due
                self._measures.began(late)
                with contextlib.suppress(Refused, Failed):
                    await actor.act(choose(weights, numbers))
            due += numbers.expovariate(rate)
            if late > BACKLOG_SECONDS:
                due = time.perf_counter() + numbers.expovariate(rate)

    # --- the result --------------------------------------------------------------------------
    def _summary(self, users: int, seconds: float, own: Own) -> Step:
        measures, faults = self._measures, self._crowd.faults
        since_sent = measures.since_sent.spread()
        lag, late = own.lag.spread(), measures.late.spread()
        server = [
            ServerFigures(
                each.name,
                round(each.cpu - each.cpu_before, 3),
                round((each.cpu - each.cpu_before) / seconds, 3),
                round((each.cpu - each.cpu_before) / max(1, measures.actions) * 1000, 3),
                each.memory,
            )
            for each in self._watched
        ]
        return Step(
            users=users,
            sockets=sum(self.plan.has_socket(number) for number in range(users)),
            seconds=round(seconds, 3),
            actions=measures.actions,
            actions_per_second=round(measures.actions / seconds, 3),
            operations=operations_of(measures),
            deliveries=Deliveries(
                since_sent.count,
                round(since_sent.count / seconds, 3),
                measures.since_acknowledged.spread(),
                since_sent,
                faults.lost,
                faults.doubled,
                faults.disordered,
            ),
            server=server,
            generator=GeneratorFigures(
                round(self._cores, 3),
                self._memory,
                lag.p95,
                lag.max,
                late.p95,
                find_bottlenecks(self._cores, lag.p95, late.p95),
            ),
        )


def _raise_first(tasks: list[asyncio.Task[None]]) -> None:
    """Raise the error of a task that has ended with one: a mistake in the load generator."""
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
