"""Which accounts users may find: the settings of the app `core` that concern Talk."""

from collections.abc import Mapping

import msgspec

from talkd.conversation.settings import TalkSettings


class Enumeration(msgspec.Struct, frozen=True):
    """Which accounts a user can find by a part of the name, and which only by the full id, name or address."""

    browses_all: bool
    """Whether a user finds every account by a part of its name."""
    browses_groups: bool
    """Whether a user finds at least the members of their groups by a part of the name."""
    full_match: bool
    """Whether a user finds an account by its full id, name or address."""
    members_only: bool
    """Whether a user finds only members of their groups, whatever else is set."""

    def can_address(self, *, shares_group: bool) -> bool:
        """Return True if a user may start a one-to-one room with an account whose id they know."""
        return self.full_match or self.browses_all or (self.browses_groups and shares_group)


def enumeration_of(core: Mapping[str, str]) -> Enumeration:
    """Read the settings of the app `core`. talkd has no address books, so no account is found by its phone number."""
    core_settings = TalkSettings()
    core_settings.replace(core)
    is_allowed = core_settings.flag("shareapi_allow_share_dialog_user_enumeration")
    to_group = core_settings.flag("shareapi_restrict_user_enumeration_to_group")
    to_phone = core_settings.flag("shareapi_restrict_user_enumeration_to_phone")
    return Enumeration(
        browses_all=is_allowed and not to_group and not to_phone,
        browses_groups=is_allowed and to_group,
        full_match=core_settings.flag("shareapi_restrict_user_enumeration_full_match"),
        members_only=core_settings.flag("shareapi_only_share_with_group_members"),
    )
