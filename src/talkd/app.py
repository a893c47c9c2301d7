"""The composition root: the table of all areas, and the order of the effects of an event."""

from pathlib import Path

from talkd.area import Area, Job, Runs
from talkd.areas.announcements import effects as announcement_effects
from talkd.areas.announcements import jobs as announcement_jobs
from talkd.areas.assistance.routes import routes as summary_routes
from talkd.areas.assistance.routes import task_routes, translation_routes
from talkd.areas.attachments import effects as attachment_effects
from talkd.areas.attachments import jobs as attachment_jobs
from talkd.areas.attachments.file_routes import routes as file_routes
from talkd.areas.attachments.recording_routes import routes as recorded_routes
from talkd.areas.attachments.routes import routes as attachment_routes
from talkd.areas.attachments.share_routes import routes as share_routes
from talkd.areas.avatars import effects as avatar_effects
from talkd.areas.avatars import jobs as avatar_jobs
from talkd.areas.avatars.room_routes import routes as room_avatar_routes
from talkd.areas.avatars.routes import routes as avatar_routes
from talkd.areas.avatars.routes import talk_routes as talk_avatar_routes
from talkd.areas.bans.routes import routes as ban_routes
from talkd.areas.breakout import effects as breakout_effects
from talkd.areas.breakout.routes import routes as breakout_routes
from talkd.areas.calls import effects as call_effects
from talkd.areas.calls import jobs as call_jobs
from talkd.areas.calls.routes import routes as call_routes
from talkd.areas.capabilities import effects as capability_effects
from talkd.areas.capabilities.routes import room_routes as room_capability_routes
from talkd.areas.capabilities.routes import routes as capability_routes
from talkd.areas.capabilities.routes import status_routes
from talkd.areas.chat import effects as chat_effects
from talkd.areas.chat import jobs as chat_jobs
from talkd.areas.chat.change_routes import routes as chat_change_routes
from talkd.areas.chat.routes import routes as chat_routes
from talkd.areas.dav import effects as dav_effects
from talkd.areas.dav import jobs as dav_jobs
from talkd.areas.dav.routes import routes as dav_routes
from talkd.areas.dav.upload_routes import routes as upload_routes
from talkd.areas.files import effects as file_effects
from talkd.areas.files import jobs as file_jobs
from talkd.areas.invitations.effects import Invitations
from talkd.areas.invitations.routes import routes as invitation_routes
from talkd.areas.lobby import jobs as lobby_jobs
from talkd.areas.lobby.routes import routes as lobby_routes
from talkd.areas.login import effects as login_effects
from talkd.areas.login import jobs as login_jobs
from talkd.areas.login.admin_routes import routes as login_admin_routes
from talkd.areas.login.browser_routes import routes as browser_routes
from talkd.areas.login.flow_routes import classic_routes as classic_login_routes
from talkd.areas.login.flow_routes import routes as login_flow_routes
from talkd.areas.login.home_routes import routes as home_routes
from talkd.areas.login.routes import routes as app_password_routes
from talkd.areas.login.routes import wipe_routes
from talkd.areas.mail import jobs as mail_jobs
from talkd.areas.membership.preference_routes import routes as preference_routes
from talkd.areas.membership.routes import routes as participant_routes
from talkd.areas.mentions.routes import routes as mention_routes
from talkd.areas.messages import effects as message_effects
from talkd.areas.notifications import effects as notification_effects
from talkd.areas.notifications import jobs as notification_jobs
from talkd.areas.notifications.routes import routes as notification_routes
from talkd.areas.older.call_legacy_routes import routes as old_call_routes
from talkd.areas.older.call_legacy_routes import signaling_routes as old_signaling_routes
from talkd.areas.older.participant_legacy_routes import routes as old_participant_routes
from talkd.areas.older.room_legacy_routes import routes as old_room_routes
from talkd.areas.older.room_legacy_routes import session_routes as old_session_routes
from talkd.areas.operations.routes import routes as operation_routes
from talkd.areas.operations.routes import status_routes as server_status_routes
from talkd.areas.overviews import effects as overview_effects
from talkd.areas.permissions.routes import routes as permission_routes
from talkd.areas.pictures import jobs as picture_jobs
from talkd.areas.polls.routes import routes as poll_routes
from talkd.areas.previews.routes import routes as preview_routes
from talkd.areas.provisioning.group_routes import routes as group_routes
from talkd.areas.provisioning.routes import routes as user_routes
from talkd.areas.provisioning.suggestion_routes import routes as suggestion_routes
from talkd.areas.reactions.routes import routes as reaction_routes
from talkd.areas.recording import jobs as recording_jobs
from talkd.areas.recording.routes import routes as recording_routes
from talkd.areas.reminders import effects as reminder_effects
from talkd.areas.reminders import jobs as reminder_jobs
from talkd.areas.reminders.routes import routes as reminder_routes
from talkd.areas.removal import jobs as removal_jobs
from talkd.areas.rooms import effects as room_effects
from talkd.areas.rooms import jobs as room_jobs
from talkd.areas.rooms.admin_routes import routes as room_admin_routes
from talkd.areas.rooms.creation_routes import routes as creation_routes
from talkd.areas.rooms.routes import routes as room_routes
from talkd.areas.rooms.setting_routes import routes as room_setting_routes
from talkd.areas.search.routes import routes as search_routes
from talkd.areas.sessions import effects as session_effects
from talkd.areas.sessions import jobs as session_jobs
from talkd.areas.sessions.routes import routes as session_routes
from talkd.areas.settings.routes import routes as settings_routes
from talkd.areas.sharing.routes import routes as sharing_routes
from talkd.areas.signaling import effects as signaling_effects
from talkd.areas.signaling import jobs as signaling_jobs
from talkd.areas.signaling.routes import routes as signaling_routes
from talkd.areas.signatures import jobs as signature_jobs
from talkd.areas.telephony.routes import routes as telephony_routes
from talkd.config import Config
from talkd.conversation import room_store
from talkd.signaling import effects as socket_effects
from talkd.signaling import jobs as socket_jobs
from talkd.signaling.external import effects as server_effects
from talkd.signaling.external.routes import routes as server_routes
from talkd.storage.database import Database
from talkd.storage.sqlite import SqliteDatabase

AREAS = {
    "rooms": Area((room_routes, creation_routes, room_setting_routes, room_admin_routes), room_jobs.JOBS),
    "lobby": Area((lobby_routes,), lobby_jobs.JOBS),
    "permissions": Area((permission_routes,)),
    "membership": Area((participant_routes, preference_routes)),
    "invitations": Area((invitation_routes,)),
    "bans": Area((ban_routes,)),
    "recording": Area((recording_routes,), recording_jobs.JOBS),
    "telephony": Area((telephony_routes,)),
    "sessions": Area((session_routes,), session_jobs.JOBS),
    "chat": Area((chat_routes, chat_change_routes), chat_jobs.JOBS, chat_effects.AFTER_COMMIT),
    "sharing": Area((sharing_routes,)),
    "assistance": Area((summary_routes, translation_routes, task_routes)),
    "mentions": Area((mention_routes,)),
    "polls": Area((poll_routes,)),
    "reactions": Area((reaction_routes,)),
    "reminders": Area((reminder_routes,), reminder_jobs.JOBS),
    "notifications": Area((notification_routes,), notification_jobs.JOBS, at_origin=notification_effects.AT_ORIGIN),
    "calls": Area((call_routes,), call_jobs.JOBS),
    "signaling": Area((signaling_routes,), signaling_jobs.JOBS, signaling_effects.AFTER_COMMIT),
    "older": Area((old_room_routes, old_participant_routes, old_session_routes, old_call_routes, old_signaling_routes)),
    "provisioning": Area((user_routes, group_routes, suggestion_routes)),
    "search": Area((search_routes,)),
    "settings": Area((settings_routes,)),
    "avatars": Area((avatar_routes, talk_avatar_routes, room_avatar_routes), avatar_jobs.JOBS),
    "breakout": Area((breakout_routes,)),
    "capabilities": Area(
        (capability_routes, room_capability_routes, status_routes), after_commit=capability_effects.AFTER_COMMIT
    ),
    "login": Area(
        (
            app_password_routes,
            wipe_routes,
            login_flow_routes,
            classic_login_routes,
            browser_routes,
            home_routes,
            login_admin_routes,
        ),
        login_jobs.JOBS,
        login_effects.AFTER_COMMIT,
    ),
    "pictures": Area(jobs=picture_jobs.JOBS),
    "attachments": Area(
        (attachment_routes, share_routes, file_routes, recorded_routes),
        attachment_jobs.JOBS,
        at_origin=attachment_effects.AT_ORIGIN,
    ),
    "files": Area((dav_routes, upload_routes), (*file_jobs.JOBS, *dav_jobs.JOBS)),
    "previews": Area((preview_routes,)),
    "operations": Area((operation_routes, server_status_routes)),
    "removal": Area(jobs=removal_jobs.JOBS),
    "mail": Area(jobs=mail_jobs.JOBS),
    "sockets": Area(jobs=socket_jobs.JOBS, after_commit=socket_effects.AFTER_COMMIT),
    "signaling servers": Area((server_routes,), at_origin=server_effects.AT_ORIGIN),
    "signatures": Area(jobs=signature_jobs.JOBS),
    "announcements": Area((), announcement_jobs.JOBS, announcement_effects.AFTER_COMMIT),
}
"""What each area offers to the server. Areas without routes, jobs and after-commit effects are not listed."""

ROUTES = tuple(route for area in AREAS.values() for routes in area.routes for route in routes.table)
"""All operations. `--dev` adds its own."""

JOBS = (
    Job("note_ids", every=5, run=lambda world: world.db.note_ids(), where=Runs.ONCE),
    Job("catch_up_database", every=1, run=lambda world: world.db.catch_up(), where=Runs.EVERYWHERE),
    Job("forget_old_failures", every=600, run=lambda world: world.throttle.forget_old(), where=Runs.EVERYWHERE),
    Job("forget_old_limits", every=600, run=lambda world: world.limits.forget_old(), where=Runs.EVERYWHERE),
    *(job for area in AREAS.values() for job in area.jobs),
)


def open_database(config: Config) -> Database:
    """Return the database that the settings choose, with the effects of its transactions. It is not connected yet.

    The effects of one event run in the order written here.
    """
    db: Database
    if config.database.url:
        from talkd.storage.postgres import Limits, PostgresDatabase, ReplicaSettings

        seconds = config.database
        limits = Limits(
            seconds.lock_timeout, seconds.statement_timeout, seconds.connection_timeout, seconds.outage_patience
        )
        db = PostgresDatabase(
            config.database.url,
            connections=config.database.connections,
            limits=limits,
            direct_url=config.database.direct_url,
            replicas=ReplicaSettings(config.database.replicas, config.database.replica_lag),
            lock_queues=room_store.LOCK_FREE_TOKENS,
        )
    else:
        db = SqliteDatabase(Path(config.data) / "talkd.db", durable=config.database.durable)
    db.react(
        overview_effects.REACTIONS,
        room_effects.REACTIONS,
        message_effects.REACTIONS,
        signaling_effects.REACTIONS,
        call_effects.REACTIONS,
        session_effects.REACTIONS,
        breakout_effects.REACTIONS,
        Invitations(config).reactions,
        notification_effects.REACTIONS,
        reminder_effects.REACTIONS,
        attachment_effects.REACTIONS,
        dav_effects.REACTIONS,  # locks uploads, which all lock before contents and folders
        avatar_effects.REACTIONS,
        file_effects.REACTIONS,
    )
    return db
