"""The interface to verified logins. areas/login/credentials.py implements it."""

from typing import Protocol

from talkd.conversation.login import BrowserSession, Candidate, Credential, Login
from talkd.storage.database import Tx


class Logins(Protocol):
    """Checks credentials, and caches the result."""

    @property
    def generation(self) -> int:
        """A number that changes whenever wrong credentials may have become right, or right ones wrong."""

    def remembered(self, authorization: str) -> Login | None:
        """Return the cached login of an Authorization header, or None."""

    def is_known_wrong(self, authorization: str) -> bool:
        """Return True if the header was wrong in the current generation."""

    def was_right(self, authorization: str) -> bool:
        """Return True if the header was right at any time before."""

    def note_wrong(self, authorization: str, generation: int) -> None:
        """Remember that the header was wrong in that generation."""

    async def browser(self, fingerprint: str) -> BrowserSession | None:
        """Return the login of a session cookie, or None if it belongs to a visitor."""

    async def verify_app_password(self, name: str | None, password: str, authorization: str) -> Login | None:
        """Return the login of an app password, or None. If there is a name, it must be that of the account."""

    async def list_candidates(self, name: str) -> list[Candidate]:
        """Return the accounts that a login name can mean."""

    async def verify_password(
        self, candidates: list[Candidate], password: str, authorization: str, generation: int
    ) -> Login | None:
        """Return the login of the candidate with this password, or None.

        It is cached unless credentials have changed since `generation`, which is from before the candidates were read.
        """

    async def is_valid(self, tx: Tx, user_id: str, credential: Credential) -> bool:
        """Return True if the credential, which was right before, is still valid for the account."""
