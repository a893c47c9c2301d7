"""Tables of SQLite at a revision."""

from functools import cache
from pathlib import Path

from talkd.storage.migrate import run_migrations


def create_tables(path: Path, revision: str) -> None:
    """Create the tables of a revision in a new file."""
    import sqlalchemy as sa

    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), connect_args={"isolation_level": None})
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
            run_migrations(connection, revision)
    finally:
        engine.dispose()


@cache
def list_tables_at(revision: str) -> frozenset[str]:
    """Return the names of all tables at a revision, which are made in the memory for it."""
    import sqlalchemy as sa

    engine = sa.create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            run_migrations(connection, revision)
            return frozenset(sa.inspect(connection).get_table_names())
    finally:
        engine.dispose()
