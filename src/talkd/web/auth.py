"""Who calls: by password, app password, browser login, or nobody known."""

import base64
import contextlib
import hmac

from talkd.conversation.login import Login
from talkd.core import clock, ids
from talkd.core.errors import NotAuthenticated
from talkd.core.names import folded
from talkd.web.call import Caller
from talkd.web.logins import Logins
from talkd.web.throttle import Throttle

COOKIE = "talkd_session"
LOGIN, ACCOUNT = "login", "account"
"""The brute-force actions of wrong credentials, through whichever door: those from one network, and those for one
account's own password from all networks together."""
WRONG = "Unauthorised"
"""What clients read when their credentials are wrong; without any they read that nobody is logged in."""


def cookie_of(header: str | None) -> str:
    """The session cookie's value, or empty."""
    for pair in (header or "").split(";"):  # by hand: one odd cookie of another application must not hide ours
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value.strip('"')
    return ""


def new_cookie(keep: Caller | None = None) -> str:
    """Return a fresh value for the session cookie of a visitor.

    With `keep` the visitor's request token stays as it is: their page goes on to send it. Only a page of ours may
    keep its token, because whoever planted the cookie before knows the token too.
    """
    return f"{ids.new_secret()}.{keep.request_token}" if keep is not None else ids.new_secret()


def visitor_token(cookie: str) -> str:
    """Return the request token of a visitor. It follows from the cookie; nothing needs to be stored for it."""
    return cookie.partition(".")[2] or ids.fingerprint(f"form {ids.fingerprint(cookie)}")


def is_own_page(caller: Caller, token: str) -> bool:
    """Return True if a page of ours sent the request: another site knows neither the cookie nor the token."""
    return caller.request_token != "" and hmac.compare_digest(token.encode(), caller.request_token.encode())


async def identify(
    credentials: Logins, throttle: Throttle, *, authorization: str | None, cookie: str, address: str
) -> Caller:
    """The caller. Raises NotAuthenticated for wrong credentials and Throttled after too many of them."""
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
        raise NotAuthenticated(message=WRONG)  # an app that goes on with an old password counts once
    name, password = _sent(authorization)
    login = await check_credentials(credentials, throttle, name, password, authorization=authorization, address=address)
    if login is None:
        raise NotAuthenticated(message=WRONG)
    return login


def _sent(authorization: str) -> tuple[str | None, str]:
    """Return name and password of a header; no name for a token alone, and neither for a header of another form."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return None, value.strip()
    if scheme.lower() != "basic":
        return None, ""
    try:
        name, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:  # not Base64, or not UTF-8
        return None, ""
    return (name, password) if colon and "\x00" not in name else (None, "")


async def check_credentials(
    credentials: Logins, throttle: Throttle, name: str | None, password: str, *, authorization: str, address: str
) -> Login | None:
    """Return the login that a name and a password give, or an app password alone; a wrong one is counted.

    Raises Throttled.
    """
    async with throttle.attempt(LOGIN, address) as attempt:
        generation = credentials.generation
        login = await credentials.verify_app_password(name, password, authorization)
        if login is None and name is not None:
            login = await _check_own_password(credentials, throttle, name, password, authorization)
        if login is None:
            credentials.note_wrong(authorization, generation)
            attempt.failed()
    return login


async def _check_own_password(
    credentials: Logins, throttle: Throttle, name: str, password: str, authorization: str
) -> Login | None:
    """Guesses at one account count from all networks together, for names without an account too.

    That must not lock out running apps: app passwords do not come here, and what was right before is no guess.
    """
    candidates = await credentials.list_candidates(name)
    async with contextlib.AsyncExitStack() as stack:
        attempts = []
        if not credentials.was_right(authorization):
            for account in sorted(each.login.user_id for each in candidates) or [folded(name)]:
                counted = throttle.attempt(ACCOUNT, ids.fingerprint(account), throttle.account_attempts)
                attempts.append(await stack.enter_async_context(counted))
        login = await credentials.verify_password(candidates, password, authorization)
        for attempt in attempts if login is None else ():
            attempt.failed()
    return login
