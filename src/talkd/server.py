"""A whole server: what it keeps in memory, how it starts and stops, and its background jobs."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from talkd import app
from talkd.area import Effects, Job, Runs
from talkd.areas.announcements import jobs as announcement_jobs
from talkd.areas.announcements.model import Followed
from talkd.areas.announcements.telling import Teller
from talkd.areas.avatars.shown import Shown
from talkd.areas.chat.arrivals import Arrivals
from talkd.areas.chat.feed import Feed
from talkd.areas.chat.markers import Markers
from talkd.areas.dav import upload_service as uploads_service
from talkd.areas.files.contents import Contents
from talkd.areas.login.credentials import Credentials
from talkd.areas.mail import jobs as mail_jobs
from talkd.areas.mail.postman import Postman
from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import jobs as notification_jobs
from talkd.areas.notifications.messenger import Messenger
from talkd.areas.operations import together
from talkd.areas.operations.colleagues import Colleagues
from talkd.areas.operations.doctor import Doctor
from talkd.areas.pictures.decoder import Decoder
from talkd.areas.pictures.describing import Describer
from talkd.areas.previews.making import Previews
from talkd.areas.recording.recorder import Recorder
from talkd.areas.rooms.member_changes import MemberChanges
from talkd.areas.signaling import tokens
from talkd.areas.signaling.polling import Polling
from talkd.areas.telephony.dialer import Dialer
from talkd.areas.users import service as users
from talkd.bus.interface import Bus
from talkd.bus.others import Others
from talkd.config import Config
from talkd.conversation.pings import Pings
from talkd.conversation.settings import TalkSettings
from talkd.core.errors import Unavailable
from talkd.core.events import Event
from talkd.core.log import Log
from talkd.realtime.changes import Changes
from talkd.realtime.wakeups import WAKES, wake
from talkd.signaling.dispatch import Signaling
from talkd.signaling.external.notifier import Notifier
from talkd.signaling.websocket import WebSocket
from talkd.storage.database import DatabaseInUse
from talkd.web import limits, server
from talkd.web.call import World
from talkd.web.edge import Edge
from talkd.web.throttle import Throttle
from talkd.web.uploads import Uploads

log = Log(__name__)

WATCH_SECONDS = 0.5
LAST_WRITES_SECONDS = 3.0
"""How long the last writes of a stopping server may take. If they fail, only the last pings are lost."""


def _effects_of(name: str, world: World, effects: Effects) -> Callable[[Sequence[Event]], None]:
    def run(happened: Sequence[Event]) -> None:
        for event in happened:
            effect = effects.get(type(event))
            if effect is not None:
                effect(world, event)

    run.__qualname__ = name  # in the log if an effect fails
    return run


class Jobs:
    """The running background jobs. A job that fails is logged and runs again after its interval."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    def start(self, jobs: Iterable[Job]) -> None:
        """Start these jobs, each in a task of its own."""
        self._is_stopping = False
        for job in jobs:
            task = asyncio.ensure_future(self._repeat(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Cancel all jobs and wait for their end, but not for longer than the last writes may take."""
        self._is_stopping = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WRITES_SECONDS)

    async def _repeat(self, job: Job) -> None:
        while not self._is_stopping:  # a cancellation may get lost: the database driver can turn it into TimeoutError
            await asyncio.sleep(job.every)
            if job.where is Runs.ONCE and not self._world.db.leads:
                continue
            try:
                await job.run(self._world)
            except Unavailable:
                pass  # the database has logged it
            except Exception:
                log.exception("job_failed", job=job.name)


class App:
    """A whole server, apart from the socket it listens on.

    `bus`: the way to the other processes that serve the same database, if it is not in the settings.
    """

    def __init__(self, config: Config, bus: Bus | None = None) -> None:
        if bus is None and config.bus.url:
            from talkd.bus.nats import NatsBus

            bus = NatsBus(config.bus)
        db, talk_settings, changes = app.open_database(config), TalkSettings(), Changes()
        others = Others(bus)
        feed, polling = Feed(db, is_shared=not others.is_alone), Polling(others.me)
        credentials = Credentials(db, browser_lifetime=config.security.session_lifetime)
        parts = (
            credentials,
            feed,
            Markers(changes, feed),
            Arrivals(db),
            polling,
            others,
            Pings(db),
            Decoder(Path(config.data)),
            Describer(),
            Previews(),
            Shown(),
            MemberChanges(db, talk_settings, is_alone=others.is_alone),
            Messenger(db),
            Postman(db, config.mail, config.identity.name),
            Followed(),
            Recorder(db, talk_settings),
            Dialer(),
            Doctor(config),
            Colleagues(others),
            Contents(config),
            Uploads(Path(config.data)),
        )
        self.world = world = World(
            config=config,
            db=db,
            changes=changes,
            talk_settings=talk_settings,
            throttle=Throttle(db, config.security),
            limits=limits.Limits(config),
            logins=credentials,
            may_use_talk=lambda tx, user_id: users.may_use_talk(tx, talk_settings, user_id),
            before_writing=delivery.catch_up,
            parts={type(part): part for part in parts},
            is_shared=not others.is_alone,
        )
        world.parts[Signaling] = Signaling(world)
        together.answer(world)
        world.parts[Notifier] = Notifier(world)
        tables = {name: area.after_commit for name, area in app.AREAS.items() if area.after_commit}
        forget = (_effects_of(f"{name}.AFTER_COMMIT", world, effects) for name, effects in tables.items())
        db.after_commit = (*forget, partial(wake, world.changes))  # woken requests must not read outdated memory
        actions = {name: area.at_origin for name, area in app.AREAS.items() if area.at_origin}
        db.at_origin = tuple(_effects_of(f"{name}.AT_ORIGIN", world, effects) for name, effects in actions.items())
        self._teller = Teller(others, frozenset({*WAKES, *(kind for table in tables.values() for kind in table)}))
        if not others.is_alone:
            db.tell = self._teller.note
            world.limits.tell = partial(others.tell, limits.COUNTED)
            others.on(limits.COUNTED, lambda _sender, content: world.limits.note(content))
        look_again = world[Signaling].elsewhere.look_again
        others.when_missed = (feed.clear, polling.outdate_lists, changes.publish_slowly, look_again)
        self._has_led = False
        self._jobs = Jobs(world)
        self.taken_over = asyncio.Event()
        """Set when another server has taken the database. This one must then stop."""
        routes = app.ROUTES
        if config.dev:
            from talkd.dev import routes as dev_routes

            routes += tuple(dev_routes.table)
        self.application = server.build(Edge(world), routes)

    def new_websocket(self, path: str, connections: set[Any]) -> WebSocket | None:
        """Return the protocol for a connection that becomes a WebSocket, or None if there is none at the path."""
        signaling = self.world[Signaling]
        return WebSocket(signaling, connections) if signaling.has_path(path) else None

    async def start(self) -> None:
        """Open the database and start the background jobs. Raises DatabaseRefused."""
        world, db = self.world, self.world.db
        if world.config.bus.url and not world.config.files.storage:
            log.warning("files_on_local_disk", advice="processes on other machines need the same disk, or S3")
        await db.open(patience=self.world.config.database.start_timeout)
        try:
            await db.claim(world[Others].me)
            await announcement_jobs.prepare(world)
            world[Uploads].delete_left_behind()
            await db.write(tokens.get_keys)  # so that requests that only read find the keys
            await self.world.throttle.load()
            await announcement_jobs.begin(world)
            await self._begin_to_lead()
            if not world[Others].living:
                await db.write(uploads_service.release_all)
            await self.world[Signaling].start()
            watch = Job("watch_database", WATCH_SECONDS, self._watch_database, where=Runs.EVERYWHERE)
            self._jobs.start((watch, *app.JOBS))
        except BaseException:
            await db.close()
            raise

    async def _begin_to_lead(self) -> None:
        """Go on with what an earlier process has left, if this one leads now and did not before."""
        leads, self._has_led = self.world.db.leads and not self._has_led, self.world.db.leads
        if leads:
            for resume in (notification_jobs.resume, mail_jobs.resume):
                await resume(self.world)

    async def _watch_database(self, world: World) -> None:
        try:
            await world.db.watch()
            await self._begin_to_lead()
        except DatabaseInUse as error:
            log.warning("taken_over", reason=str(error))
            self.taken_over.set()

    async def stop(self) -> None:
        """Let all waiting requests answer, then store what is left and close the database."""
        world = self.world
        world.changes.close()
        await world[Signaling].stop()
        await world[Notifier].stop()
        await self.stop_jobs()
        await world[MemberChanges].close()
        await world[Previews].close()
        await world[Shown].close()
        await world[Describer].close()
        await world[Decoder].close()
        await world[Doctor].close()
        await world[Contents].close()
        world[Uploads].close()
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(LAST_WRITES_SECONDS):
                await world[Pings].flush()
                await world.db.note_ids()
            self._teller.flush()
            await announcement_jobs.end(world)
        await world[Others].close()
        await world.db.close()

    async def stop_jobs(self) -> None:
        """Stop the background jobs. Requests are still answered."""
        await self._jobs.stop()
