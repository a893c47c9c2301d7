"""What a client proves itself with to a standalone signaling server: a signed token, and the older ticket.

Both forms are given by the standalone signaling API (signaling.md, 1): the server of today reads the token
and checks it with the public key from the capabilities, older ones hand the ticket back to be checked here, which
nothing asks for as long as no such server can be set up.
"""

import base64
import hashlib
import hmac
from functools import lru_cache

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from talkd.areas.settings import store as facts
from talkd.core import ids
from talkd.storage.database import Tx

LIFETIME = 60
"""Seconds for which a token can be used to say hello."""

_KEYS = "signaling-keys"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""How many points the curve P-256 has: private keys are numbers below it."""


class TokenKeys(msgspec.Struct, frozen=True):
    """The installation's pair of keys (ES256), as PEM texts."""

    public_pem: str
    private_pem: str


def new_keys() -> TokenKeys:
    """A fresh pair."""
    key = ec.derive_private_key(ids.source.randrange(1, _ORDER), ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return TokenKeys(public.decode(), private.decode())


async def find_keys(tx: Tx) -> TokenKeys | None:
    """The installation's keys, if they were needed before. Only reads."""
    kept = await facts.get_fact(tx, _KEYS)
    return None if kept is None else msgspec.json.decode(kept, type=TokenKeys)


async def get_keys(tx: Tx) -> TokenKeys:
    """The installation's keys, made when they are first needed: then it writes."""
    keys = await find_keys(tx)
    if keys is not None:
        return keys
    kept = await facts.add_fact(tx, _KEYS, msgspec.json.encode(new_keys()).decode())
    return msgspec.json.decode(kept, type=TokenKeys)


def make_token(keys: TokenKeys, *, issuer: str, user_id: str | None, display_name: str, now: int) -> str:
    """A signed token (JWT) that names the user for LIFETIME seconds; guests have no `sub`.

    `issuer` is the server's address; the claim ends with a slash, as signaling servers compare it.
    """
    claims: dict[str, object] = {"iss": issuer.rstrip("/") + "/", "iat": now, "exp": now + LIFETIME}
    if user_id is not None:
        claims["sub"] = user_id
        claims["userdata"] = {"displayname": display_name}
    signed = _part({"typ": "JWT", "alg": "ES256"}) + b"." + _part(claims)
    signature = _private_key(keys.private_pem).sign(signed, ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(signature)
    return (signed + b"." + _base64(r.to_bytes(32) + s.to_bytes(32))).decode()


def make_ticket(secret: str, *, user_id: str | None, now: int) -> str:
    """The older proof: `random:time:user:signature`, the user empty for guests."""
    signed = f"{ids.text(16)}:{now}:{user_id or ''}"
    return f"{signed}:{hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()}"


def is_ticket(secret: str, ticket: str, *, user_id: str | None) -> bool:
    """Whether this installation made the ticket, for that user."""
    signed, _, signature = ticket.rpartition(":")
    random, _, rest = signed.partition(":")
    _, _, named = rest.partition(":")
    expected = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return bool(random) and named == (user_id or "") and hmac.compare_digest(signature.encode(), expected.encode())


@lru_cache(maxsize=4)
def _private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the signaling key in the database is not an elliptic curve key; remove it to get a new one")
    return key


def _part(value: object) -> bytes:
    return _base64(msgspec.json.encode(value))


def _base64(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
