"""Hash passwords in threads. One hash takes about 30 ms of CPU, on purpose."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from talkd.core.errors import Throttled

Args = TypeVarTuple("Args")
T = TypeVar("T")

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_threads = ThreadPoolExecutor(2, thread_name_prefix="password")
"""Only two threads, so that many logins at the same time leave CPU time to everything else."""
MAX_WAITING = 500
"""Maximum number of hashes that wait or run. They take about five seconds."""
RETRY_SECONDS = 5

_waiting = 0

_NOBODY = (
    f"$argon2id$v=19$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    f"$c2FsdCBmb3Igbm9ib2R5IQ${'A' * 43}"
)
"""A hash that no password has, because it is all zeros. It takes as long to check as those of `_hasher`."""


async def hash_password(password: str) -> str:
    """Return the hash of a password. Raises Throttled while too many hashes wait."""
    return await _in_thread(_hasher.hash, password)


def hash_password_now(password: str) -> str:
    """Return the hash of a password, blocking. For commands and sample data."""
    return _hasher.hash(password)


async def is_password(password_hash: str, password: str) -> bool:
    """Return True if the hash is that of the password. An empty hash takes as long and matches no password.

    Raises Throttled while too many hashes wait.
    """
    return await _in_thread(_matches, password_hash, password)


async def _in_thread(work: Callable[[*Args], T], *args: *Args) -> T:
    global _waiting  # noqa: PLW0603 - all servers of the process share the two threads
    if _waiting >= MAX_WAITING:
        raise Throttled(RETRY_SECONDS)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)
    finally:
        _waiting -= 1


def _matches(password_hash: str, password: str) -> bool:
    try:
        _hasher.verify(password_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash)
