"""How many connections PostgreSQL allows, and how many the processes of talkd need together."""

from dataclasses import dataclass

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.statements import Statement, bind

APPLICATION = "talkd serving"
"""The name that PostgreSQL lists for the connection with the lock of a server process."""

_LIMITS = Statement(
    sa.text(
        "SELECT least(current_setting('max_connections')::integer "
        "- current_setting('superuser_reserved_connections')::integer "
        "- coalesce(current_setting('reserved_connections', true), '0')::integer, "
        "(SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()), "
        "(SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)), "
        "(SELECT count(*) FROM pg_stat_activity WHERE application_name = :name AND datname = current_database())"
    ).bindparams(bind("name", sa.Text))
)


@dataclass(frozen=True, slots=True)
class Capacity:
    """The connections that are allowed for the database and its user, and the serving processes."""

    allowed: int
    processes: int

    def needs(self, connections: int) -> int:
        """Return how many connections these processes, or a first one, have at most."""
        return connections * max(1, self.processes)


async def get_capacity(tx: Tx) -> Capacity:
    """Return what PostgreSQL allows and who serves its database."""
    row = await tx.one(_LIMITS, name=APPLICATION)
    assert row is not None, "the statement has one row"
    return Capacity(*row)
