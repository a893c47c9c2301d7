"""Identify the caller by password, app password or session cookie, or as a visitor without a login."""

import base64
import contextlib
import hmac

from talkd.conversation.login import Login
from talkd.core import clock, ids
from talkd.core.characters import is_text
from talkd.core.errors import NotAuthenticated
from talkd.core.names import folded
from talkd.web.call import Caller
from talkd.web.logins import Logins
from talkd.web.throttle import ACCOUNT, Throttle

COOKIE = "talkd_session"
LOGIN = "login"
"""The brute-force actions of wrong credentials: LOGIN counts them by network, ACCOUNT counts wrong passwords of one
account from all networks together. All ways to log in count."""
WRONG = "Unauthorised"
"""The message for wrong credentials."""


def cookie_of(header: str | None) -> str:
    """Return the value of the session cookie, or an empty text."""
    for pair in (header or "").split(";"):  # `http.cookies` stops at the first malformed cookie
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value.strip('"')
    return ""


def new_cookie(keep: Caller | None = None) -> str:
    """Return a new value for the session cookie of a visitor.

    With `keep`, the visitor's request token stays valid, because their page continues to send it. Only pass a caller
    who sent the token: an attacker who set the old cookie in the browser knows that cookie's token too.
    """
    return f"{ids.new_secret()}.{keep.request_token}" if keep is not None else ids.new_secret()


def visitor_token(cookie: str) -> str:
    """Return the request token of a visitor. It is computed from the cookie, so it is not stored."""
    return cookie.partition(".")[2] or ids.fingerprint(f"form {ids.fingerprint(cookie)}")


def is_own_page(caller: Caller, token: str) -> bool:
    """Return True if the token proves that a page of this server sent the request (CSRF)."""
    return caller.request_token != "" and hmac.compare_digest(token.encode(), caller.request_token.encode())


async def identify(
    credentials: Logins, throttle: Throttle, *, authorization: str | None, cookie: str, address: str
) -> Caller:
    """Return the caller. Raises NotAuthenticated for wrong credentials and Throttled after too many of them."""
    browser = ids.fingerprint(cookie) if cookie else ""
    generation = credentials.generation
    if authorization:
        login = credentials.remembered(authorization)
        if login is None:
            login = await _verify(credentials, throttle, authorization, address)
        return Caller(
            user_id=login.user_id,
            display_name=login.display_name,
            is_admin=login.is_admin,
            browser=browser,
            address=address,
            app_password_id=login.app_password_id,
            is_confirmed=login.app_password_id is None,
            credential=login.credential,
            generation=generation,
            request_token=visitor_token(cookie) if cookie else "",
        )
    if browser:
        session = await credentials.browser(browser)
        if session is not None:
            return Caller(
                user_id=session.login.user_id,
                display_name=session.login.display_name,
                language=session.login.language,
                is_admin=session.login.is_admin,
                browser=browser,
                address=address,
                by_cookie=True,
                is_confirmed=session.is_fresh(clock.steady()),
                credential=session.login.credential,
                generation=generation,
                request_token=session.request_token,
            )
        return Caller(browser=browser, address=address, request_token=visitor_token(cookie))
    return Caller(address=address)


async def _verify(credentials: Logins, throttle: Throttle, authorization: str, address: str) -> Login:
    if credentials.is_known_wrong(authorization):
        throttle.check(LOGIN, address)
        raise NotAuthenticated(message=WRONG)  # so an app that keeps sending an old password counts once
    name, password = _parse_authorization(authorization)
    login = await check_credentials(credentials, throttle, name, password, authorization=authorization, address=address)
    if login is None:
        raise NotAuthenticated(message=WRONG)
    return login


def _parse_authorization(authorization: str) -> tuple[str | None, str]:
    """Return the name and password in a header. A bearer token has no name; a malformed header has neither."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return None, value.strip()
    if scheme.lower() != "basic":
        return None, ""
    try:
        name, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:  # not Base64, or not UTF-8
        return None, ""
    return (name, password) if colon and is_text(name) else (None, "")


async def check_credentials(
    credentials: Logins, throttle: Throttle, name: str | None, password: str, *, authorization: str, address: str
) -> Login | None:
    """Return the login of a name and password, or of an app password without a name. Count wrong credentials.

    Return None for wrong credentials. Raises Throttled.
    """
    async with throttle.attempt(LOGIN, address) as attempt:
        generation = credentials.generation
        login = await credentials.verify_app_password(name, password, authorization)
        if login is None and name is not None:
            login = await _check_own_password(credentials, throttle, name, password, authorization, generation)
        if login is None:
            credentials.note_wrong(authorization, generation)
            attempt.failed()
    return login


async def _check_own_password(
    credentials: Logins, throttle: Throttle, name: str, password: str, authorization: str, generation: int
) -> Login | None:
    """Return the login of an account's own password, or None. Count wrong passwords of one account from all networks.

    Names without an account count too. Running apps are not locked out, because app passwords are checked elsewhere
    and credentials that were right before do not count.
    """
    candidates = await credentials.list_candidates(name)
    async with contextlib.AsyncExitStack() as stack:
        attempts = []
        if not credentials.was_right(authorization):
            for account in sorted(each.login.user_id for each in candidates) or [folded(name)]:
                counted = throttle.attempt(ACCOUNT, ids.fingerprint(account))
                attempts.append(await stack.enter_async_context(counted))
        login = await credentials.verify_password(candidates, password, authorization, generation)
        if login is None:
            for attempt in attempts:
                attempt.failed()
    return login
