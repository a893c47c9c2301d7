"""Who may call people by phone."""

from talkd.areas.settings.model import TalkSettings
from talkd.areas.users import store as users
from talkd.storage.database import Tx


async def is_possible(tx: Tx, settings: TalkSettings, user_id: str) -> bool:
    """Whether a bridge to the telephone network is set up, and for this account too."""
    return settings.can_dial_out and await users.is_allowed(tx, settings.groups("sip_bridge_groups"), user_id)
