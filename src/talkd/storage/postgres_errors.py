"""What the errors of asyncpg mean for a transaction."""

import asyncpg

AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.InvalidCachedStatementError,
)
"""The transaction may succeed if it runs again at once."""
LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # of a connection that ends at the moment when a statement begins
)
"""The connection was lost. Another one may work."""
FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""All errors of a connection, and of an attempt to connect."""
NOT_RUNNING_YET = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.TargetServerAttributeNotMatched,
)
"""PostgreSQL accepts no connection, but it may soon."""
UNUSABLE = (
    *LOST,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
)
"""Exceptions that mean that the database is unavailable, not that the statement is wrong.

UndefinedTableError: tables are missing for a moment while a backup is restored. ObjectNotInPrerequisiteStateError: a
row is locked, or the database accepts no connections.
"""


class OutcomeUnknown(ConnectionError):
    """The connection was lost during the commit. Nobody knows whether the transaction is stored."""
