"""The only source of randomness, and the forms of identifiers. Tests own it by replacing `source`."""

import hashlib
import random
import re
import string
from typing import NewType

Token = NewType("Token", str)
SessionId = NewType("SessionId", str)

source: random.Random = random.SystemRandom()

TOKEN_FORM = re.compile(r"[a-z0-9]{4,30}")
_TOKEN_ALPHABET = "abcdefghijkmnopqrstuvwxyz23456789"  # without letters that are easily misread
_SECRET_ALPHABET = string.ascii_letters + string.digits
_SESSION_ALPHABET = _SECRET_ALPHABET + "+/"
TOKEN_LENGTH = 8
SESSION_ID_LENGTH = 512


def text(length: int, alphabet: str = _SECRET_ALPHABET) -> str:
    """A random text of `length` characters."""
    return "".join(source.choices(alphabet, k=length))


def new_token() -> Token:
    """A conversation token nobody has been told yet; uniqueness is the database's to confirm."""
    return Token(text(TOKEN_LENGTH, _TOKEN_ALPHABET))


def new_session_id() -> SessionId:
    """The identifier of one join: 512 characters, as every edition of the API's documents says."""
    return SessionId(text(SESSION_ID_LENGTH, _SESSION_ALPHABET))


def new_secret(length: int = 64) -> str:
    """A secret for cookies, app passwords and polling tokens (about 6 bits a character)."""
    return text(length)


def new_app_password() -> str:
    """Five groups of five characters, as people may have to type it."""
    return "-".join(text(5) for _ in range(5))


def fingerprint(secret: str) -> str:
    """What is stored of a long random secret: enough to recognise it, useless to a thief.

    Only for secrets with at least 128 bits of randomness; passwords are hashed with argon2.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def guest_id(session_id: str) -> str:
    """A guest's actor id: the SHA-1 of the session id of the join that made the guest (small-print.md)."""
    return hashlib.sha1(session_id.encode(), usedforsecurity=False).hexdigest()


def email_id(address: str) -> str:
    """The actor id of somebody invited by e-mail (api-surface.md, B)."""
    return hashlib.sha256(address.lower().encode()).hexdigest()
