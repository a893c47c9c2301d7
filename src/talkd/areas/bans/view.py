"""Bans as JSON."""

import msgspec

from talkd.conversation.ban import Ban


class BanView(msgspec.Struct, frozen=True):
    """A ban."""

    id: int
    moderatorActorType: str
    moderatorActorId: str
    moderatorDisplayName: str
    bannedActorType: str
    bannedActorId: str
    bannedDisplayName: str
    bannedTime: int
    internalNote: str


def ban(item: Ban) -> BanView:
    """Show a ban to moderators."""
    return BanView(
        id=item.id,
        moderatorActorType=item.moderator_type,
        moderatorActorId=item.moderator_id,
        moderatorDisplayName=item.moderator_name,
        bannedActorType=item.actor_type,
        bannedActorId=item.actor_id,
        bannedDisplayName=item.display_name,
        bannedTime=item.created_at,
        internalNote=item.note,
    )
