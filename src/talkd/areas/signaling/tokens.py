"""Proofs of a client's identity for a standalone signaling server: a signed token, or the older ticket.

Current signaling servers read the token and check it with the public key from the capabilities. Older ones would send
the ticket back to be checked here. talkd cannot use such servers yet, so it makes tickets and checks none.

PyJWT and cryptography are imported when they are first needed, because importing them takes long.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from talkd.areas.settings import service as settings
from talkd.core import ids
from talkd.storage.database import Tx

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LIFETIME = 60
"""Seconds for which a token is valid."""

_KEYS = "signaling-keys"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the curve P-256. Private keys are numbers below it."""


class TokenKeys(msgspec.Struct, frozen=True):
    """The installation's key pair (ES256), in PEM format."""

    public_pem: str
    private_pem: str


def new_keys() -> TokenKeys:
    """Return a new key pair."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.derive_private_key(ids.source.randrange(1, _ORDER), ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return TokenKeys(public.decode(), private.decode())


async def find_keys(tx: Tx) -> TokenKeys | None:
    """Return the installation's key pair, or None if none was made yet. Writes nothing."""
    kept = await settings.find_fact(tx, _KEYS)
    return None if kept is None else msgspec.json.decode(kept, type=TokenKeys)


async def get_keys(tx: Tx) -> TokenKeys:
    """Return the installation's key pair. Make and store it if there is none yet."""
    kept = await settings.get_fact(tx, _KEYS, lambda: msgspec.json.encode(new_keys()).decode())
    return msgspec.json.decode(kept, type=TokenKeys)


def make_token(keys: TokenKeys, *, issuer: str, user_id: str | None, display_name: str, now: int) -> str:
    """Return a signed JSON web token that names the user and is valid for LIFETIME seconds. Guests have no `sub`.

    `issuer` is the server's address. Signaling servers compare it with a slash at its end.
    """
    import jwt

    claims: dict[str, object] = {"iss": issuer.rstrip("/") + "/", "iat": now, "exp": now + LIFETIME}
    if user_id is not None:
        claims["sub"] = user_id
        claims["userdata"] = {"displayname": display_name}
    return jwt.encode(claims, _private_key(keys.private_pem), algorithm="ES256")


def make_ticket(secret: str, *, user_id: str | None, now: int) -> str:
    """Return a ticket, the older proof: `random:time:user:signature`. The user is empty for guests."""
    signed = f"{ids.text(16)}:{now}:{user_id or ''}"
    return f"{signed}:{hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()}"


@lru_cache(maxsize=4)
def _private_key(pem: str) -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError("the signaling key in the database is not an elliptic curve key; remove it to get a new one")
    return key
