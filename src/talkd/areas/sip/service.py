"""Who may use the bridge to the telephone network."""

from talkd.areas.users import service as users
from talkd.conversation.settings import TalkSettings
from talkd.storage.database import Tx


async def is_possible(tx: Tx, settings: TalkSettings, user_id: str) -> bool:
    """Whether a bridge to the telephone network is set up, and for this account too."""
    return settings.can_dial_out and await _is_allowed(tx, settings, user_id)


async def can_enable_dial_in(tx: Tx, settings: TalkSettings, user_id: str) -> bool:
    """Whether people can dial in, and the account may let them into its rooms."""
    return settings.can_dial_in and await _is_allowed(tx, settings, user_id)


async def _is_allowed(tx: Tx, settings: TalkSettings, user_id: str) -> bool:
    return await users.is_allowed(tx, settings.groups("sip_bridge_groups"), user_id)
