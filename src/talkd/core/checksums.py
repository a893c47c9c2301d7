"""Checksums: of data, to notice changes, and of signed requests, to prove that the sender knows a secret."""

import hashlib
import hmac

MIN_RANDOM_LENGTH = 32


def digest(content: bytes) -> str:
    """Return a short text that changes with the content."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def sign(signed: bytes, *, secret: str, random: str) -> str:
    """Return the checksum that proves knowledge of the secret: the HMAC-SHA256 of `random` followed by `signed`."""
    return hmac.new(secret.encode(), random.encode() + signed, hashlib.sha256).hexdigest()


def is_signed(signed: bytes, *, secret: str, random: str, checksum: str) -> bool:
    """Return True if `sign` returns this checksum.

    The telephone bridge and the recording server sign their requests this way. Without a secret, or with a `random`
    shorter than MIN_RANDOM_LENGTH, no checksum is right.
    """
    if not secret or len(random) < MIN_RANDOM_LENGTH:
        return False
    return hmac.compare_digest(sign(signed, secret=secret, random=random).encode(), checksum.lower().encode())
