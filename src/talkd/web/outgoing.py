"""The door for HTTP requests that talkd sends itself, to servers that an administrator has configured.

It follows no redirect and uses no proxy, so that a request reaches the configured server or nobody. It reads a limited
part of the answer, and gives up after a limited time.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from talkd import __version__

TIMEOUT_SECONDS = 10.0
LONGEST_ANSWER = 65_536


class Unreachable(Exception):
    """The server did not answer, or with something other than HTTP."""


@dataclass(frozen=True, slots=True)
class Response:
    """The status of an answer and the beginning of its body."""

    status: int
    content: bytes


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        return None


async def send(
    method: str,
    url: str,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    verify: bool = True,
    timeout: float = TIMEOUT_SECONDS,
) -> Response:
    """Send a request and return the answer, whatever its status.

    `verify` says whether the certificate must be valid. Raises Unreachable.
    """
    sent = {"User-Agent": f"talkd/{__version__}", "OCS-APIRequest": "true", "Accept": "application/json"}
    request = Request(url, content, {**sent, **(headers or {})}, method=method)  # noqa: S310 - settings allow http only
    return await asyncio.to_thread(_send, request, verify, timeout)


def _send(request: Request, verify: bool, timeout: float) -> Response:
    try:
        try:
            answer = _opener(verify).open(request, timeout=timeout)
        except HTTPError as error:
            answer = error
        with answer:
            return Response(answer.status, answer.read(LONGEST_ANSWER))
    except (OSError, HTTPException, ValueError) as error:
        raise Unreachable(str(error)) from error


@cache
def _opener(verify: bool) -> OpenerDirector:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context), _NoRedirects)
