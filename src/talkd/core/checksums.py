"""How services beside this one (telephone bridge, recording server) prove that they know a shared secret."""

import hashlib
import hmac

MIN_RANDOM_LENGTH = 32


def is_signed(signed: str, *, secret: str, random: str, checksum: str) -> bool:
    """Whether the checksum is HMAC-SHA256 over the random text and what is signed, by whoever knows the secret.

    Without a secret nobody does.
    """
    if not secret or len(random) < MIN_RANDOM_LENGTH:
        return False
    expected = hmac.new(secret.encode(), (random + signed).encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), checksum.lower().encode())
