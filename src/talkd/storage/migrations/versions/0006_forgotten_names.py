"""Remove ids and names of deleted accounts from reactions and bans, where earlier releases kept them."""

from alembic import op

revision = "0006"
down_revision = "0005"

_FORGET_REACTED = "UPDATE reactions SET actor_name = '' WHERE actor_type = 'deleted_users'"
_FORGET_MODERATOR = """
    UPDATE bans SET moderator_type = 'deleted_users', moderator_id = 'deleted_users', moderator_name = ''
    WHERE moderator_type = 'users' AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = bans.moderator_id)
"""


def upgrade() -> None:
    """Remove the ids and names of accounts that were deleted before."""
    op.execute(_FORGET_REACTED)
    op.execute(_FORGET_MODERATOR)
