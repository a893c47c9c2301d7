"""Proofs of a client's identity for a signaling server: a signed token, or the older ticket.

The built-in signaling checks both. An external signaling server reads the token itself, with the public key from the
capabilities.

Each proof contains a mark of the login that it was made for, so it is worthless when that login ends.

PyJWT and cryptography are imported when they are first needed, because importing them takes long.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from talkd.areas.settings import service as settings
from talkd.core import ids
from talkd.core.errors import Invalid
from talkd.storage.database import Tx

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LIFETIME = 60
"""Seconds for which a token is valid."""
RANDOM_LENGTH = 16
LEEWAY = 60
"""Seconds by which the clocks of two servers may differ."""

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


class Claims(msgspec.Struct, frozen=True):
    """What a valid token says. `user_id` is None for guests."""

    user_id: str | None
    mark: str


def mark_of(secret: str, login: str) -> str:
    """Return the mark of a login in tokens. It does not reveal the credential's secret, which is `login`."""
    return hmac.new(secret.encode(), f"login:{login}".encode(), hashlib.sha256).hexdigest()[:32]


def make_token(keys: TokenKeys, *, issuer: str, user_id: str | None, display_name: str, mark: str, now: int) -> str:
    """Return a signed JSON web token that names the user and is valid for LIFETIME seconds. Guests have no `sub`.

    `issuer` is the server's address. Signaling servers compare it with a slash at its end.
    """
    import jwt

    claims: dict[str, object] = {"iss": issuer.rstrip("/") + "/", "iat": now, "exp": now + LIFETIME, "sid": mark}
    if user_id is not None:
        claims["sub"] = user_id
        claims["userdata"] = {"displayname": display_name}
    return jwt.encode(claims, _private_key(keys.private_pem), algorithm="ES256")


def read_token(keys: TokenKeys, token: str, *, now: int) -> Claims:
    """Return what a token says. Raises Invalid("token_expired"), ("token_not_valid_yet") or ("invalid_token")."""
    import jwt

    try:
        claims = jwt.decode(
            token,
            keys.public_pem,
            algorithms=["ES256"],
            options={"require": ["iat", "exp"], "verify_exp": False, "verify_iat": False, "verify_aud": False},
        )
        user_id, mark = claims.get("sub"), claims.get("sid", "")
        issued_at, expires_at = int(claims["iat"]), int(claims["exp"])
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise Invalid("invalid_token") from error
    if now > expires_at + LEEWAY:
        raise Invalid("token_expired")
    if issued_at > now + LEEWAY:
        raise Invalid("token_not_valid_yet")
    return Claims(user_id, mark)


def make_ticket(secret: str, *, user_id: str | None, login: str, now: int) -> str:
    """Return a ticket, the older proof: `random:time:user:signature`.

    The ticket of a guest has no user. `login` is then the guest's browser, whose mark follows the random text.
    """
    if user_id is None:
        signed, login = f"{ids.text(RANDOM_LENGTH)}{mark_of(secret, login)}:{now}:", ""
    else:
        signed = f"{ids.text(RANDOM_LENGTH)}:{now}:{user_id}"
    return f"{signed}:{_sign_ticket(secret, signed, login)}"


def is_ticket(secret: str, ticket: str, *, user_id: str | None, login: str) -> bool:
    """Return True if this installation made the ticket for that user and login."""
    signed, _, signature = ticket.rpartition(":")
    random, _, rest = signed.partition(":")
    _, _, named = rest.partition(":")
    expected = _sign_ticket(secret, signed, login)
    return bool(random) and named == (user_id or "") and hmac.compare_digest(signature.encode(), expected.encode())


def mark_in(ticket: str) -> str:
    """Return the mark of the browser in the ticket of a guest."""
    return ticket.partition(":")[0][RANDOM_LENGTH:]


def _sign_ticket(secret: str, signed: str, login: str) -> str:
    return hmac.new(secret.encode(), f"{signed}:{login}".encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=4)
def _private_key(pem: str) -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError("the signaling key in the database is not an elliptic curve key; remove it to get a new one")
    return key
