"""Who calls: by password, app password, browser login, or nobody known."""

import base64
import binascii
from http.cookies import CookieError, SimpleCookie

from talkd.areas.login.credentials import Credentials
from talkd.areas.login.model import Login
from talkd.core import ids
from talkd.core.errors import NotAuthenticated
from talkd.web.call import Caller
from talkd.web.throttle import Throttle

COOKIE = "talkd_session"
LOGIN = "login"
"""The brute-force action of wrong credentials, through whichever door."""


def cookie_of(header: str | None) -> str:
    """The session cookie's value, or empty."""
    if not header or COOKIE not in header:
        return ""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""


async def identify(
    credentials: Credentials, throttle: Throttle, *, authorization: str | None, cookie: str, address: str
) -> Caller:
    """The caller. Raises NotAuthenticated for wrong credentials and Throttled after too many of them."""
    browser = ids.fingerprint(cookie) if cookie else ""
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
                request_token=session.request_token,
            )
    return Caller(browser=browser, address=address)


async def _verify(credentials: Credentials, throttle: Throttle, authorization: str, address: str) -> Login:
    scheme, _, value = authorization.partition(" ")
    login: Login | None = None
    if scheme.lower() == "basic":
        try:
            name, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name = colon = password = ""
        throttle.check(LOGIN, address)
        if colon:
            login = await credentials.verify(name, password, authorization)
    elif scheme.lower() == "bearer":
        throttle.check(LOGIN, address)
        login = await credentials.verify_token(value.strip(), authorization)
    if login is None:
        await throttle.register(LOGIN, address)
        raise NotAuthenticated
    return login
