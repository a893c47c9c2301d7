"""Hashing of passwords, off the event loop: one hash costs some 30 ms of CPU on purpose."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_threads = ThreadPoolExecutor(2, thread_name_prefix="password")
"""Two at once: a flood of logins queues here and leaves the other cores to everybody else."""

_NOBODY = _hasher.hash("nobody has this password")


async def hash_password(password: str) -> str:
    """What is stored of a password."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


def hash_password_now(password: str) -> str:
    """The same, blocking: for the command line and sample data."""
    return _hasher.hash(password)


async def is_password(password_hash: str, password: str) -> bool:
    """Whether the password is the one behind the hash; takes as long when there is no hash at all."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _matches, password_hash, password)


def _matches(password_hash: str, password: str) -> bool:
    try:
        _hasher.verify(password_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash)
