"""Tell a caller what this server can do."""

from typing import Any

import msgspec

from talkd.areas.capabilities import view
from talkd.areas.capabilities.model import Optional, Viewer
from talkd.areas.settings import service as settings
from talkd.areas.sip import service as sip
from talkd.areas.users import service as users
from talkd.config import Config
from talkd.conversation.settings import BLURRED, LIST_STYLE, TWO_LINES, WITHOUT_MEDIA, TalkSettings
from talkd.core.checksums import digest
from talkd.core.constants import StartCall
from talkd.storage.database import Tx


async def get_viewer(tx: Tx, talk_settings: TalkSettings, user_id: str | None) -> Viewer:
    """Return the data of the caller that capabilities depend on."""
    account = await users.get_account(tx, user_id) if user_id is not None else None
    if account is None:
        return Viewer()
    chosen = await settings.get_preferences(tx, account.id)
    return Viewer(
        user_id=account.id,
        language=account.language,
        locale=account.locale,
        timezone=account.timezone,
        read_privacy=account.read_privacy,
        typing_privacy=account.typing_privacy,
        starts_without_media=chosen.get(WITHOUT_MEDIA) == "yes",
        blurs_background=chosen.get(BLURRED) == "yes",
        list_style=chosen.get(LIST_STYLE, TWO_LINES),
        attachment_folder=await settings.get_attachment_folder(tx, account.id),
        may_use_talk=await users.may_use_talk(tx, talk_settings, account.id),
        may_create=await users.is_allowed(tx, talk_settings.start_conversations, account.id),
        may_dial_out=await sip.can_dial_out(tx, talk_settings, account.id),
        may_enable_dial_in=await sip.can_enable_dial_in(tx, talk_settings, account.id),
    )


def get_capabilities(
    config: Config, talk_settings: TalkSettings, viewer: Viewer, *, token_key: str, base_url: str
) -> dict[str, Any]:
    """Return the capabilities. Without an account: only the blocks of Talk, the theme, and brute-force protection.

    `token_key` is the public key for signaling servers.
    """
    blocks: dict[str, Any] = {"bruteforce": view.bruteforce()}
    if viewer.user_id is not None:
        blocks["core"] = view.core(viewer)
        blocks["dav"] = view.dav()
        blocks["files"] = view.files()
        if viewer.may_use_talk:
            blocks["files_sharing"] = view.files_sharing()
        blocks["notifications"] = view.notifications()
        blocks["provisioning_api"] = view.provisioning_api(config.identity)
        blocks["password_policy"] = view.password_policy(config.security)
    if viewer.may_use_talk:
        blocks["spreed"] = get_talk(config, talk_settings, viewer, token_key=token_key)
    blocks["theming"] = view.theming(config.identity, base_url)
    return {"version": view.version(config.identity), "capabilities": blocks}


def get_talk(config: Config, talk_settings: TalkSettings, viewer: Viewer, *, token_key: str) -> dict[str, Any]:
    """Return the block of Talk."""
    return view.spreed(
        viewer,
        identity=config.identity,
        calls_enabled=talk_settings.start_calls != StartCall.NOBODY,
        breakout_rooms=talk_settings.has_breakout_rooms,
        max_call_duration=talk_settings.max_call_duration,
        optional=Optional(
            recording=talk_settings.can_record(has_sockets=config.calls.signaling == "sockets"),
            dial_in=talk_settings.can_dial_in,
            dial_out=talk_settings.can_dial_out,
        ),
        recording_consent=talk_settings.recording_consent,
        force_passwords=talk_settings.force_passwords,
        token_key=token_key,
    )


def talk_hash(config: Config, talk_settings: TalkSettings, viewer: Viewer) -> str:
    """Return the `X-Nextcloud-Talk-Hash`: it changes when clients should read the capabilities and all rooms again.

    It covers every setting that changes what clients see, even for some accounts only. The signaling key is left out,
    because it never changes.
    """
    talk = get_talk(config, talk_settings, viewer, token_key="")
    shown = [talk, config.identity.version, talk_settings.seen_by_clients, talk_settings.can_dial_out]
    return digest(msgspec.json.encode(shown))
