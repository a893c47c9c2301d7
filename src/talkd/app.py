"""The composition root: the only file that imports everything."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from talkd.areas.announcements import service as announcements
from talkd.areas.assistance.routes import routes as summary_routes
from talkd.areas.assistance.routes import task_routes, translation_routes
from talkd.areas.avatars.decoder import Decoder
from talkd.areas.avatars.room_routes import routes as room_avatar_routes
from talkd.areas.avatars.routes import routes as avatar_routes
from talkd.areas.avatars.talk_routes import routes as talk_avatar_routes
from talkd.areas.bans.routes import routes as ban_routes
from talkd.areas.breakout.routes import routes as breakout_routes
from talkd.areas.calls import service as calls
from talkd.areas.calls.routes import routes as call_routes
from talkd.areas.capabilities import service as capabilities
from talkd.areas.capabilities.model import Viewer
from talkd.areas.capabilities.room_routes import routes as room_capability_routes
from talkd.areas.capabilities.routes import routes as capability_routes
from talkd.areas.capabilities.status_routes import routes as status_routes
from talkd.areas.chat import change_service
from talkd.areas.chat.change_routes import routes as chat_change_routes
from talkd.areas.chat.feed import Feed
from talkd.areas.chat.routes import routes as chat_routes
from talkd.areas.invitations.routes import routes as invitation_routes
from talkd.areas.lobby import service as lobby
from talkd.areas.lobby.routes import routes as lobby_routes
from talkd.areas.login import service as logins
from talkd.areas.login.classic_routes import routes as classic_login_routes
from talkd.areas.login.credentials import Credentials
from talkd.areas.login.flow_v2_routes import routes as login_flow_routes
from talkd.areas.login.home_routes import routes as home_routes
from talkd.areas.login.page_routes import routes as page_routes
from talkd.areas.login.password_routes import routes as password_routes
from talkd.areas.login.routes import routes as app_password_routes
from talkd.areas.login.wipe_routes import routes as wipe_routes
from talkd.areas.membership.preference_routes import routes as preference_routes
from talkd.areas.membership.routes import routes as participant_routes
from talkd.areas.mentions.routes import routes as mention_routes
from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications.routes import routes as notification_routes
from talkd.areas.older.call_legacy_routes import routes as old_call_routes
from talkd.areas.older.participant_legacy_routes import routes as old_participant_routes
from talkd.areas.older.room_legacy_routes import routes as old_room_routes
from talkd.areas.older.session_legacy_routes import routes as old_session_routes
from talkd.areas.older.signaling_legacy_routes import routes as old_signaling_routes
from talkd.areas.operations.routes import routes as operation_routes
from talkd.areas.permissions.routes import routes as permission_routes
from talkd.areas.polls.routes import routes as poll_routes
from talkd.areas.provisioning.group_routes import routes as group_routes
from talkd.areas.provisioning.routes import routes as user_routes
from talkd.areas.provisioning.suggestion_routes import routes as suggestion_routes
from talkd.areas.reactions.routes import routes as reaction_routes
from talkd.areas.recording.routes import routes as recording_routes
from talkd.areas.reminders.routes import routes as reminder_routes
from talkd.areas.removal import account_service as account_removal
from talkd.areas.removal import room_service as room_removal
from talkd.areas.rooms.creation_routes import routes as creation_routes
from talkd.areas.rooms.member_changes import MemberChanges
from talkd.areas.rooms.routes import routes as room_routes
from talkd.areas.rooms.setting_routes import routes as room_setting_routes
from talkd.areas.search.routes import routes as search_routes
from talkd.areas.sessions import service as sessions
from talkd.areas.sessions.routes import routes as session_routes
from talkd.areas.settings import clock_service
from talkd.areas.settings import service as settings
from talkd.areas.settings.routes import routes as settings_routes
from talkd.areas.sharing.routes import routes as sharing_routes
from talkd.areas.signaling import service as signaling
from talkd.areas.signaling import tokens as token_keys
from talkd.areas.signaling.presence import Presence
from talkd.areas.signaling.routes import routes as signaling_routes
from talkd.areas.sip.routes import routes as sip_routes
from talkd.areas.users import service as users
from talkd.config import Config
from talkd.conversation.pings import Pings
from talkd.conversation.settings import APP, TalkSettings
from talkd.core import events
from talkd.core.errors import Unavailable
from talkd.effects import breakout, counters, modifications, notifications, people, rights, system_messages
from talkd.effects.invitations import Invitations
from talkd.effects.mail import Postman
from talkd.effects.notifications import Messenger
from talkd.effects.wakeups import Wakeups
from talkd.realtime.changes import Changes
from talkd.storage.database import Database, DatabaseInUse
from talkd.storage.postgres import Limits, PostgresDatabase
from talkd.storage.sqlite import SqliteDatabase
from talkd.web import limits, server
from talkd.web.call import World
from talkd.web.edge import Edge
from talkd.web.throttle import Throttle

log = structlog.get_logger(__name__)

ROUTES = tuple(
    route
    for table in (
        room_routes,
        old_room_routes,
        creation_routes,
        lobby_routes,
        permission_routes,
        room_setting_routes,
        room_capability_routes,
        participant_routes,
        old_participant_routes,
        preference_routes,
        invitation_routes,
        ban_routes,
        recording_routes,
        sip_routes,
        session_routes,
        old_session_routes,
        chat_routes,
        chat_change_routes,
        sharing_routes,
        summary_routes,
        translation_routes,
        task_routes,
        mention_routes,
        poll_routes,
        reaction_routes,
        reminder_routes,
        notification_routes,
        call_routes,
        old_call_routes,
        signaling_routes,
        old_signaling_routes,
        user_routes,
        group_routes,
        suggestion_routes,
        search_routes,
        settings_routes,
        avatar_routes,
        talk_avatar_routes,
        room_avatar_routes,
        breakout_routes,
        capability_routes,
        status_routes,
        app_password_routes,
        wipe_routes,
        login_flow_routes,
        classic_login_routes,
        password_routes,
        page_routes,
        home_routes,
        operation_routes,
    )
    for route in table.table
)
"""Every operation there is. `--dev` adds its own."""

LAST_WRITES_SECONDS = 3.0
"""How long the last writes of a server that stops may take; without them only the last pings are lost."""
WATCH_SECONDS = 0.5
NUMBERING_SECONDS = 5.0
PING_SECONDS = 5.0
SILENCE_SECONDS = 10.0
LOGIN_SECONDS = 600.0
LAPSE_SECONDS = 0.5
HEAR_SECONDS = 0.5
LOBBY_SECONDS = 1.0
CALL_SECONDS = 1.0
REMOVAL_SECONDS = 1.0
CATCH_UP_SECONDS = 1.0
MEMBERS_SECONDS = 1.0
MAIL_SECONDS = 5.0
NOTIFY_SECONDS = 0.5
REMIND_SECONDS = 1.0
NOTIFICATIONS_SECONDS = 60.0
WAITING_SECONDS = 300.0


def open_database(config: Config) -> Database:
    """The database that the settings name, with what follows inside its transactions; not connected yet."""
    db: Database
    if config.database.url:
        seconds = config.database
        limits = Limits(seconds.lock_timeout, seconds.statement_timeout, seconds.connection_timeout)
        db = PostgresDatabase(config.database.url, connections=config.database.connections, limits=limits)
    else:
        db = SqliteDatabase(Path(config.data) / "talkd.db", durable=config.database.durable)
    invitations = Invitations(config)
    db.react(
        modifications.REACTIONS,
        people.REACTIONS,
        system_messages.REACTIONS,
        counters.REACTIONS,
        rights.REACTIONS,
        breakout.REACTIONS,
        invitations.reactions,
        notifications.REACTIONS,
    )
    return db


class App:
    """A whole server, apart from the socket it listens on."""

    def __init__(self, config: Config) -> None:
        db, talk_settings = open_database(config), TalkSettings()
        changes, presence, feed = Changes(), Presence(), Feed(db)
        logins = Credentials(db, browser_lifetime=config.security.session_lifetime)
        parts = (logins, feed, presence, Pings(db), Decoder(), MemberChanges(db, talk_settings))
        self.world = World(
            config=config,
            db=db,
            changes=changes,
            settings=talk_settings,
            throttle=Throttle(db, config.security),
            limits=limits.Limits(config),
            logins=logins,
            may_use_talk=lambda tx, user_id: users.may_use_talk(tx, talk_settings, user_id),
            before_writing=delivery.catch_up,
            parts={type(part): part for part in parts},
        )
        self.messenger = Messenger(db)
        db.after_commit = (self._refresh, Wakeups(changes, feed, presence), self.messenger)
        self._postman = Postman(db, config.mail, config.identity.name)
        self._epoch = ""
        self._heard = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self.taken_over = asyncio.Event()
        """Set when another server has the database, so this one has to stop."""
        routes = ROUTES
        if config.dev:
            from talkd.dev import routes as dev_routes

            routes += tuple(dev_routes.table)
        self.asgi = server.build(Edge(self.world), routes)

    async def start(self) -> None:
        """Open the database and begin to look after it. Raises DatabaseRefused."""
        self._is_stopping = False
        await self.world.db.open(patience=self.world.config.database.start_timeout)
        try:
            await self.world.db.claim()
            await self.world.db.skip_ids()
            await self._begin()
        except BaseException:
            await self.world.db.close()
            raise

    async def _begin(self) -> None:
        await self.world.db.write(clock_service.keep_scale)
        await self.world.db.write(token_keys.get_keys)  # so that nobody has to make them who only reads
        await self.world.throttle.load()
        self._heard = await self.world.db.read(announcements.get_newest)
        await self._load_settings()
        await self.messenger.resume()
        for seconds, job in (
            (WATCH_SECONDS, self._watch_database),
            (NUMBERING_SECONDS, self.world.db.note_ids),
            (PING_SECONDS, self.world[Pings].flush),
            (SILENCE_SECONDS, self.tidy),
            (LOGIN_SECONDS, self.forget_logins),
            (LOGIN_SECONDS, self.forget_announcements),
            (LAPSE_SECONDS, self.close_lapsed_browsers),
            (LOGIN_SECONDS, self.world.throttle.forget_old),
            (LOGIN_SECONDS, self.world.limits.forget_old),
            (HEAR_SECONDS, self.hear_others),
            (LOBBY_SECONDS, self._open_lobbies),
            (CALL_SECONDS, self.end_long_calls),
            (REMOVAL_SECONDS, self.remove),
            (CATCH_UP_SECONDS, self.world.db.catch_up),
            (MEMBERS_SECONDS, self.world[MemberChanges].resume),
            (NOTIFY_SECONDS, self.messenger.deliver),
            (REMIND_SECONDS, self.messenger.remind),
            (NOTIFICATIONS_SECONDS, self.messenger.tidy),
            (WAITING_SECONDS, self.messenger.resume),
        ):
            self._spawn(self._every(seconds, job))
        if self.world.config.sends_mail:
            await self._postman.resume()
            self._spawn(self._every(MAIL_SECONDS, self._postman.deliver))

    async def stop(self) -> None:
        """Let everybody who waits answer, and close the database when all is written."""
        self.world.changes.close()
        await self.stop_jobs()
        await self.world[MemberChanges].close()
        await self.world[Decoder].close()
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(LAST_WRITES_SECONDS):
                await self.world[Pings].flush()
                await self.world.db.note_ids()
        await self.world.db.close()

    async def stop_jobs(self) -> None:
        """Stop the background jobs. Requests are still answered."""
        self._is_stopping = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WRITES_SECONDS)

    # --- what goes on all the time ----------------------------------------------------------
    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _every(self, seconds: float, job: Callable[[], Awaitable[None]]) -> None:
        while not self._is_stopping:  # the driver may answer a cancellation with TimeoutError
            await asyncio.sleep(seconds)
            try:
                await job()
            except Unavailable:
                pass  # the database has said so
            except Exception:
                log.exception("job_failed", job=job.__qualname__)

    async def _watch_database(self) -> None:
        try:
            await self.world.db.watch()
        except DatabaseInUse as error:
            log.warning("taken_over", reason=str(error))
            self.taken_over.set()

    async def tidy(self) -> None:
        """End what has fallen silent and delete what nobody sees any more."""
        await self.world[Pings].flush()
        ended = await self.world.db.write(sessions.end_silent)
        if ended:
            log.debug("sessions_expired", count=ended)
        await self.world.db.write(signaling.delete_old)
        for room_id in await self.world.db.read(change_service.list_rooms_with_expired):
            while await self.world.db.write(partial(change_service.delete_expired, room_id=room_id)):
                pass  # others write in between

    async def remove(self) -> None:
        """Delete what was cleared, and forget deleted accounts, in portions: others write in between."""
        db = self.world.db
        for room_id in await db.read(room_removal.list_unfinished):
            while await db.write(partial(room_removal.delete_portion, room_id=room_id)):
                pass
        for user_id in await db.read(account_removal.list_unfinished):
            while await db.write(partial(account_removal.forget_portion, user_id=user_id)):
                pass

    async def forget_logins(self) -> None:
        """Delete the logins that nobody has finished."""
        await self.world.db.write(logins.delete_unfinished)

    async def forget_announcements(self) -> None:
        """Delete what other processes announced long ago."""
        await self.world.db.write(partial(announcements.forget_old, known=self._heard))

    async def close_lapsed_browsers(self) -> None:
        """Log out the browsers that nobody has used for as long as the setting `session_lifetime` says."""
        lifetime = self.world.config.security.session_lifetime
        if await self.world.db.read(partial(logins.is_any_browser_lapsed, lifetime=lifetime)):
            await self.world.db.write(partial(logins.close_lapsed_browsers, lifetime=lifetime))

    async def _open_lobbies(self) -> None:
        if await self.world.db.read(lobby.is_any_due):
            await self.world.db.write(lobby.open_due)

    async def end_long_calls(self) -> None:
        """End the calls that have lasted as long as the setting `max_call_duration` allows."""
        most = self.world.settings.max_call_duration
        if most:
            for room_id in await self.world.db.read(partial(calls.list_rooms_to_end, max_duration=most)):
                await self.world.db.write(partial(calls.end_long, room_id=room_id, max_duration=most))

    # --- settings and what is remembered of people ------------------------------------------
    async def _load_settings(self) -> None:
        known = self.world.settings
        while True:
            changes = known.changes
            self._epoch = await self.world.db.read(settings.get_epoch)
            values = await self.world.db.read(settings.get_all)
            if known.changes == changes:  # otherwise one was set meanwhile, and those that were read are older
                break
        known.replace(values)
        self._hash()

    def _hash(self) -> None:
        self.world.talk_hash = capabilities.talk_hash(self.world.config, self.world.settings, Viewer())

    def _refresh(self, happened: Sequence[events.Event]) -> None:
        """After a commit that changed settings, passwords or roles."""
        for event in happened:
            if isinstance(event, events.SettingSet) and event.app == APP:
                self.world.settings.put(event.key, event.value)
                self._hash()
            elif isinstance(event, events.CachesOutdated):
                self._epoch = event.epoch
                self._forget(event.user_id)
            elif isinstance(event, events.ReadPrivacySet):
                self.world[Feed].clear()

    async def hear_others(self) -> None:
        """Follow what other processes have changed: commands, for example."""
        db = self.world.db
        epoch = await db.read(settings.get_epoch)  # first: what outdates it is announced in the same transaction
        for announcement in await db.read(partial(announcements.list_after, known=self._heard)):
            self._heard = announcement.id
            db.announce(announcement.events)
        if epoch != self._epoch:  # something else has changed, and nobody said what
            self._forget()
            self.world[Presence].clear()
            await self._load_settings()
            self.world.changes.publish_everything()

    def _forget(self, user_id: str = "") -> None:
        """What is remembered of one account, or of all (empty)."""
        self.world[Credentials].forget(user_id)
        self.world[Feed].clear()
