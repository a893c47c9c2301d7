"""Hashing of passwords, off the event loop: one hash costs some 30 ms of CPU on purpose."""

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
"""Two at once: a flood of logins queues here and leaves the other cores to everybody else."""
MAX_WAITING = 500
"""Hashes that are wanted at the same moment at most; they take some five seconds."""
RETRY_SECONDS = 5

_waiting = 0

_NOBODY = _hasher.hash("nobody has this password")


async def hash_password(password: str) -> str:
    """Return what is stored of a password. Raises Throttled while too many hashes are wanted."""
    return await _in_thread(_hasher.hash, password)


def hash_password_now(password: str) -> str:
    """The same, blocking: for the command line and sample data."""
    return _hasher.hash(password)


async def is_password(password_hash: str, password: str) -> bool:
    """Return True if the password is the one behind the hash; takes as long if the hash is empty.

    Raises Throttled while too many hashes are wanted.
    """
    return await _in_thread(_matches, password_hash, password)


async def _in_thread(work: Callable[[*Args], T], *args: *Args) -> T:
    global _waiting  # noqa: PLW0603 - one number for all servers of the process, as there is one processor
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
