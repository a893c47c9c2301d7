"""How much accounts may use: the setting `files.quota`, unless an account has a quota of its own."""

from collections.abc import Sequence

from talkd.areas.files import store
from talkd.areas.files.model import Limits
from talkd.areas.files.quota_model import DEFAULT, NONE, UNLIMITED, Space, parse_quota
from talkd.areas.settings import service as settings
from talkd.storage.database import Tx

_APP, _KEY = "files", "quota"


async def get_quota(tx: Tx, user_id: str, limits: Limits) -> int:
    """Return the bytes that an account may use, or UNLIMITED."""
    return _quota_of(await settings.get_value_of_user(tx, user_id, _APP, _KEY), limits)


async def set_quota(tx: Tx, user_id: str, text: str) -> None:
    """Set the quota of an account in one of the forms of `parse_quota`. Raises Invalid.

    Files above a new quota stay, but none can be added.
    """
    quota = parse_quota(text)
    await settings.set_value_of_user(tx, user_id, _APP, _KEY, None if quota == DEFAULT else quota)


async def get_chosen(tx: Tx, user_id: str) -> str | None:
    """Return the own quota of an account as it is stored, or None."""
    return await settings.get_value_of_user(tx, user_id, _APP, _KEY)


async def get_spaces(tx: Tx, user_ids: Sequence[str], limits: Limits) -> dict[str, Space]:
    """Return what these accounts use and may use."""
    used = await store.get_sizes(tx, user_ids)
    own = await settings.get_values_of_users(tx, user_ids, _APP, _KEY)
    return {user_id: Space(used.get(user_id, 0), _quota_of(own.get(user_id), limits)) for user_id in user_ids}


def _quota_of(own: str | None, limits: Limits) -> int:
    if own is None:
        return limits.quota or UNLIMITED
    return UNLIMITED if own == NONE else int(own)
