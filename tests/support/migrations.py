"""Databases with the schema of an older talkd."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from talkd.storage.migrate import MIGRATIONS


def alembic() -> Config:
    """Return Alembic's settings for the migrations."""
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    return settings


def upgrade(connection: sa.Connection, revision: str) -> None:
    """Upgrade the database of an open transaction to a revision."""
    settings = alembic()
    settings.attributes["connection"] = connection
    command.upgrade(settings, revision)


def bring_sqlite_to(path: Path, revision: str) -> None:
    """Create a file, or upgrade it, to the schema of a revision."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection, revision)
    engine.dispose()
