"""What the edge asks of whoever keeps the logins (areas/login/credentials.py does)."""

from typing import Protocol

from talkd.conversation.login import BrowserSession, Candidate, Credential, Login
from talkd.storage.database import Tx


class Logins(Protocol):
    """Verified logins of this process."""

    @property
    def generation(self) -> int:
        """Another number after whatever may have made wrong credentials right, or right ones wrong."""

    def remembered(self, authorization: str) -> Login | None:
        """Return the login behind an Authorization header that was verified not long ago."""

    def is_known_wrong(self, authorization: str) -> bool:
        """Return True if the header was wrong before, and nothing has changed since."""

    def was_right(self, authorization: str) -> bool:
        """Return True if the header was right before, whatever has changed since."""

    def note_wrong(self, authorization: str, generation: int) -> None:
        """Remember that the header was wrong in that generation."""

    async def browser(self, fingerprint: str) -> BrowserSession | None:
        """Return the login behind a browser's session cookie; None for a visitor's."""

    async def verify_app_password(self, name: str | None, password: str, authorization: str) -> Login | None:
        """Return the login of an app password. A name that is sent with it must be that of its account."""

    async def list_candidates(self, name: str) -> list[Candidate]:
        """Return the accounts that a name can mean."""

    async def verify_password(self, candidates: list[Candidate], password: str, authorization: str) -> Login | None:
        """Return the login of the candidate whose own password it is."""

    async def is_valid(self, tx: Tx, user_id: str, credential: Credential) -> bool:
        """Return True if the credential, which was right before, still logs in to the account."""
