"""How a recording server proves that it is one."""

import hashlib
import hmac

import msgspec

MIN_RANDOM_LENGTH = 32


class _Servers(msgspec.Struct):
    secret: str = ""


def secret_of(setting: str) -> str:
    """The secret shared with recording servers, from the setting `recording_servers`; empty when there is none."""
    try:
        return msgspec.json.decode(setting, type=_Servers).secret
    except msgspec.DecodeError:
        return ""


def is_recorder(secret: str, random: str, checksum: str, signed: str) -> bool:
    """Whether the checksum is a recording server's: HMAC-SHA256 over the random text and what is signed."""
    if not secret or len(random) < MIN_RANDOM_LENGTH:
        return False
    expected = hmac.new(secret.encode(), (random + signed).encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), checksum.lower().encode())
