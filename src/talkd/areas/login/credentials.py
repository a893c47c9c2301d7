"""Checking credentials, and remembering for a while which of them were right.

Checking a password takes about 30 ms of CPU, and clients send it with every request. Verified credentials are
kept under a keyed hash of the header, so a later request takes a microsecond and the memory holds no password.
They are forgotten as soon as the password changes or the account is disabled or deleted.
"""

import hashlib
import math

from cachetools import LRUCache, TTLCache

from talkd.areas.login import store
from talkd.areas.users import passwords
from talkd.areas.users import service as users
from talkd.conversation.login import BrowserSession, Candidate, Credential, CredentialKind, Login
from talkd.core import clock, ids
from talkd.core.names import folded
from talkd.storage.database import Database, Tx

REMEMBER = 300.0
"""Seconds until credentials are checked again. For browsers it is at most a quarter of their lifetime, because only a
check records that the browser is still used.
"""
ENTRIES = 100_000
"""Maximum number of entries of each cache."""


class Credentials:
    """The logins that this process has verified, and the headers that it found wrong."""

    def __init__(self, db: Database, *, browser_lifetime: int) -> None:
        self._db = db
        self._browser_lifetime = browser_lifetime
        self._key = ids.new_secret(32).encode()
        self._logins: TTLCache[bytes, tuple[Login, int]] = TTLCache(ENTRIES, REMEMBER, timer=_ticks)
        """Logins by the hash of their header, each with the generation in which it was verified."""
        self._browsers: TTLCache[str, tuple[BrowserSession | None, int]] = TTLCache(
            ENTRIES, min(REMEMBER, browser_lifetime / 4), timer=_ticks
        )
        self._changed: TTLCache[str, int] = TTLCache(math.inf, REMEMBER, timer=_ticks)
        """The generation of each account's last change, for as long as a login from before it may be cached."""
        self._wrong: LRUCache[bytes, bool] = LRUCache(ENTRIES)
        self._right: LRUCache[bytes, bool] = LRUCache(ENTRIES)
        self._generation = 0

    def remembered(self, authorization: str) -> Login | None:
        """Return the login of an Authorization header if it was verified within the last REMEMBER seconds."""
        try:
            login, generation = self._logins[self._hash(authorization)]
        except KeyError:
            return None
        return login if self._is_unchanged(login, generation) else None

    def forget(self, user_id: str = "") -> None:
        """Forget the credentials of an account, or of all accounts, because a password, name or role has changed."""
        self._generation += 1
        self._wrong.clear()
        if not user_id:
            self._logins.clear()
            self._browsers.clear()
        else:
            self._changed[user_id] = self._generation

    def forget_browser(self, fingerprint: str) -> None:
        """Forget a browser that has logged in or out."""
        self._generation += 1
        self._browsers.pop(fingerprint, None)

    async def verify_app_password(self, name: str | None, password: str, authorization: str) -> Login | None:
        """Return the login of an app password. A name that comes with it must be the id or address of its account."""
        generation = self._generation
        login = await self._db.read(lambda tx: self._app_login(tx, ids.fingerprint(password), name))
        return None if login is None else await self._remember(authorization, login, generation)

    async def list_candidates(self, name: str) -> list[Candidate]:
        """List the accounts that a name can mean: an account id or e-mail address, in any case."""
        return await self._db.read(lambda tx: self._candidates(tx, name))

    async def verify_password(
        self, candidates: list[Candidate], password: str, authorization: str, generation: int
    ) -> Login | None:
        """Return the login of the candidate who has this password. `generation` is from before they were read.

        Several accounts may have the same e-mail address, because addresses are not verified. Each logs in with its
        own password.
        """
        if not candidates:
            await passwords.is_password("", password)  # so that the answer takes as long as for an account
        for candidate in candidates:
            if await passwords.is_password(candidate.password_hash, password):
                self._right[self._hash(authorization)] = True
                return await self._remember(authorization, candidate.login, generation)
        return None

    def was_right(self, authorization: str) -> bool:
        """Return True if this header was right once. Then it is not a guess, even if it is wrong now."""
        return self._hash(authorization) in self._right

    async def is_valid(self, tx: Tx, user_id: str, credential: Credential) -> bool:
        """Return True if a credential that was right still logs in to the account. This hashes no password."""
        if credential.kind is CredentialKind.APP_PASSWORD:
            logins = [await self._app_login(tx, credential.secret, credential.name)]
        elif credential.kind is CredentialKind.BROWSER:
            session = await self._browser_of(tx, credential.secret)
            logins = [session.login if session is not None else None]
        else:
            logins = [candidate.login for candidate in await self._candidates(tx, credential.name or "")]
        return any(login is not None and (login.user_id, login.credential) == (user_id, credential) for login in logins)

    def is_known_wrong(self, authorization: str) -> bool:
        """Return True if this header was wrong before and no credentials have changed since."""
        return self._hash(authorization) in self._wrong

    @property
    def generation(self) -> int:
        """Return a number that changes whenever wrong credentials may have become right, or right ones wrong."""
        return self._generation

    def note_wrong(self, authorization: str, generation: int) -> None:
        """Note that a header was wrong, unless credentials have changed since `generation`."""
        if generation != self._generation:
            return
        self._wrong[self._hash(authorization)] = True

    async def browser(self, fingerprint: str) -> BrowserSession | None:
        """Return the session of a browser's cookie, or None if the browser is not logged in."""
        found = self._browsers.get(fingerprint)
        if found is not None:
            session, generation = found
            if session is None or self._is_unchanged(session.login, generation):
                return session
        generation = self._generation
        session = await self._db.read(lambda tx: self._browser_of(tx, fingerprint))
        if session is not None:
            await self._db.write_if_possible(lambda tx: store.touch_browser(tx, fingerprint, clock.steady()))
        if generation == self._generation:  # otherwise the session may be outdated already
            self._browsers[fingerprint] = session, generation
        return session

    # ----------------------------------------------------------------------------------------
    def _hash(self, authorization: str) -> bytes:
        return hashlib.blake2b(authorization.encode(), key=self._key, digest_size=16).digest()

    async def _remember(self, authorization: str, login: Login, generation: int) -> Login:
        now = clock.now()

        async def note(tx: Tx) -> None:
            await store.note_login(tx, login.user_id, now)
            if login.app_password_id is not None:
                await store.touch_app_password(tx, login.app_password_id, now)

        await self._db.write_if_possible(note)
        if generation == self._generation:  # otherwise the login may be outdated already
            self._logins[self._hash(authorization)] = login, generation
        return login

    def _is_unchanged(self, login: Login, generation: int) -> bool:
        """Return True if the account has not changed since that generation."""
        return generation == self._generation or self._changed.get(login.user_id, 0) <= generation

    async def _app_login(self, tx: Tx, fingerprint: str, name: str | None) -> Login | None:
        found = await store.get_app_password(tx, fingerprint)
        if found is None or found.wipe:
            return None
        account = await users.find_enabled(tx, found.user_id)
        if account is None:
            return None
        if name is not None and folded(name) not in {folded(each) for each in (account.id, account.email) if each}:
            return None
        credential = Credential(CredentialKind.APP_PASSWORD, fingerprint, name)
        return Login(account.id, account.display_name, await users.is_admin(tx, account.id), credential, found.id)

    async def _candidates(self, tx: Tx, name: str) -> list[Candidate]:
        account = await users.get_account(tx, name)
        found = {account.id: account} if account is not None else {}
        if "@" in name:
            found |= {each.id: each for each in await users.list_accounts_by_email(tx, name)}
        candidates = []
        for each in found.values():
            if each.enabled:
                credential = Credential(CredentialKind.PASSWORD, ids.fingerprint(each.password_hash), name)
                login = Login(each.id, each.display_name, await users.is_admin(tx, each.id), credential)
                candidates.append(Candidate(login, each.password_hash))
        return candidates

    async def _browser_of(self, tx: Tx, fingerprint: str) -> BrowserSession | None:
        found = await store.get_browser(tx, fingerprint)
        if found is None or found.seen_at < clock.steady() - self._browser_lifetime:
            return None
        is_admin = await users.is_admin(tx, found.user_id)
        credential = Credential(CredentialKind.BROWSER, fingerprint)
        login = Login(found.user_id, found.display_name, is_admin, credential, language=found.language)
        return BrowserSession(login, found.request_token, found.created_at)


def _ticks() -> float:
    return clock.ticks()  # looked up each time, because tests replace it
