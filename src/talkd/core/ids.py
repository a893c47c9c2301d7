"""The only source of randomness, and the forms of identifiers. Tests control it by replacing `source`."""

import hashlib
import random
import re
import string
from typing import NewType

Token = NewType("Token", str)
SessionId = NewType("SessionId", str)

Numbers = random.Random
"""A sequence of random numbers."""
source: Numbers = random.SystemRandom()

TOKEN_FORM = re.compile(r"[a-z0-9]{4,30}")
_TOKEN_ALPHABET = "abcdefghijkmnopqrstuvwxyz23456789"  # without letters that are easily misread
_SECRET_ALPHABET = string.ascii_letters + string.digits
_SESSION_ALPHABET = _SECRET_ALPHABET + "+/"
TOKEN_LENGTH = 8
PIN_LENGTH = 7
SESSION_ID_LENGTH = 512


def repeatable(seed: str) -> Numbers:
    """Return random numbers that are the same for the same seed. They are for choices, never for secrets."""
    return random.Random(seed)  # noqa: S311 - the load generator repeats a run with it


def text(length: int, alphabet: str = _SECRET_ALPHABET) -> str:
    """Return a random text of this length.

    32 random bits make each character, so all of an alphabet of 64 are equally likely, up to one part in 60 million.
    """
    size = len(alphabet)
    return "".join([alphabet[number % size] for number in memoryview(source.randbytes(4 * length)).cast("I")])


def new_token() -> Token:
    """Return a random room token. The database checks that it is unique."""
    return Token(text(TOKEN_LENGTH, _TOKEN_ALPHABET))


def new_dialable_token() -> Token:
    """Return a random room token that can be typed on a telephone: digits, the first not 0, none twice in a row."""
    digits = text(1, "123456789")
    while len(digits) < TOKEN_LENGTH:
        digits += text(1, "0123456789".replace(digits[-1], ""))
    return Token(digits)


def new_pin() -> str:
    """Return a random PIN for dialling in to a room."""
    return text(1, "123456789") + text(PIN_LENGTH - 1, string.digits)


def new_session_id() -> SessionId:
    """Return a new session id. It has 512 characters, as the API documents say (docs/api/old-clients.md)."""
    return SessionId(text(SESSION_ID_LENGTH, _SESSION_ALPHABET))


def new_secret(length: int = 64) -> str:
    """Return a secret for a cookie or a token, with about 6 bits of randomness per character."""
    return text(length)


def new_app_password() -> str:
    """Return a new app password: five groups of five characters, because users may have to type it."""
    return "-".join(text(5) for _ in range(5))


def new_process() -> int:
    """Return a number for a process of the server, which no other one has."""
    return source.randrange(1, 2**31)


def fingerprint(secret: str) -> str:
    """Return the hash to store in place of a random secret, so that a copy of the database has no secrets.

    Use it only for secrets with at least 128 bits of randomness. Passwords are hashed with Argon2.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def guest_id(session_id: str) -> str:
    """Return a guest's actor id: the SHA-1 of the session id of their first join, as in Nextcloud."""
    return hashlib.sha1(session_id.encode(), usedforsecurity=False).hexdigest()


def email_id(address: str) -> str:
    """Return the actor id of somebody invited by e-mail: the SHA-256 of the address in lower case, as in Nextcloud."""
    return hashlib.sha256(address.lower().encode()).hexdigest()
