"""Add indexes for lookups that read a whole table or room."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the indexes. Sending a message changes none of them."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    banned = "lower(actor_id)" if is_postgres else "actor_id COLLATE NOCASE"
    op.create_index("bans_of_actor", "bans", ["actor_type", sa.text(banned)])
    op.create_index("bans_of_moderator", "bans", ["moderator_type", "moderator_id"])
    op.create_index("invited_browsers_of_browser", "invited_browsers", ["browser"])
    op.create_index("reactions_of_actor", "reactions", ["actor_type", "actor_id"])
    op.create_index("notifications_of_actor", "notifications", ["actor_type", "actor_id"])
    op.create_index("guest_mentions_since", "guest_mentions", ["since"])
    _create_partial("rooms_second_user", "rooms", ["user_b"], "user_b IS NOT NULL")
    _create_partial("rooms_calling", "rooms", ["call_started_at"], "call_started_at > 0")
    _create_partial("messages_closings", "messages", ["room_id", "id"], "system = 'poll_closed'")


def _create_partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
