"""How the bridge proves that it is the bridge."""

import hashlib
import hmac

MIN_RANDOM_LENGTH = 32


def is_bridge(secret: str, random: str, checksum: str, token: str) -> bool:
    """Whether the checksum is the bridge's for this room: HMAC-SHA256 over the random text and the token."""
    if not secret or len(random) < MIN_RANDOM_LENGTH:
        return False
    expected = hmac.new(secret.encode(), (random + token).encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), checksum.lower().encode())
