"""Entry point of Alembic: runs the migrations on the connection that `storage/migrate.py` opened."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.migration import MigrationContext
from alembic.runtime.migration import MigrationInfo

_SET_USABLE_BY = sa.text(
    "INSERT INTO meta (key, value) VALUES ('usable_by', :oldest) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def _note_usable_by(
    ctx: MigrationContext,
    step: MigrationInfo,
    heads: Collection[Any],  # noqa: ARG001 - Alembic passes it
    run_args: Mapping[str, Any],  # noqa: ARG001
) -> None:
    """Store which talkd may use the tables after a migration. Those before 0027 do not say it."""
    oldest = getattr(getattr(step.up_revision, "module", None), "usable_by", None)
    if oldest and ctx.connection:
        ctx.connection.execute(_SET_USABLE_BY, {"oldest": oldest})


context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,
    render_as_batch=True,
    on_version_apply=_note_usable_by,
)
with context.begin_transaction():
    context.run_migrations()
