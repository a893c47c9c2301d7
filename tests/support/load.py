"""People who post to a room and follow it through all processes of a database, as apps do behind a load balancer."""

import asyncio
import itertools
import threading
import time
from collections.abc import Sequence
from typing import Any, Self

import httpx

from support.people import TALK, data_of
from support.running import HEADERS, NO_TLS

POLL_SECONDS = 4
"""How long a poll may wait."""
GRACE_SECONDS = 2.0
"""How much later it may end, while nothing is frozen."""
CATCH_UP_SECONDS = 40.0
POST_SECONDS = 30.0
PAUSE = 0.1
"""Seconds until a client that got no answer asks the next process."""


class Load:
    """Writers and followers of a room, in a thread. Each sends each request to the next process.

    A request that is not answered, or with 503, is repeated there: a message with the same reference id.
    """

    def __init__(
        self,
        urls: Sequence[str],
        token: str,
        logins: Sequence[tuple[str, str]],
        *,
        writers: int = 2,
        followers: int = 3,
    ) -> None:
        self._urls, self._token, self._logins = urls, token, logins
        self._counts = writers, followers
        self.acknowledged: dict[int, str] = {}
        """Texts by id."""
        self.followed: list[list[int]] = [[] for _ in range(followers)]
        """The ids that each follower has got, in this order."""
        self.slowest_poll = 0.0
        self.slowest_delivery = 0.0
        """Seconds until the last follower got a message, at most."""
        self.faults: list[str] = []
        self._posted_at: dict[int, float] = {}
        self._is_stopping = False
        self._newest = 0
        self._first = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_stopping = True
        self._thread.join(CATCH_UP_SECONDS + POST_SECONDS)
        assert not self._thread.is_alive(), "the clients do not end"

    def await_more(self, count: int = 20) -> None:
        """Wait until so many more messages are acknowledged, and each follower has got as many."""
        wanted = len(self.acknowledged) + count
        followed = [len(each) + count for each in self.followed]
        until = time.monotonic() + CATCH_UP_SECONDS
        while len(self.acknowledged) < wanted or any(
            len(each) < least for each, least in zip(self.followed, followed, strict=True)
        ):
            assert time.monotonic() < until, f"no progress: {self}"
            assert self._thread.is_alive(), f"the clients have ended: {self}"
            time.sleep(0.02)

    def __str__(self) -> str:
        return (
            f"{len(self.acknowledged)} acknowledged, followers got {[len(each) for each in self.followed]}, "
            f"slowest poll {self.slowest_poll:.1f} s, slowest delivery {self.slowest_delivery:.1f} s, {self.faults}"
        )

    def check(self, *, frozen: float = 0.0) -> None:
        """Let all followers catch up, and compare what they got with the history. `frozen`: seconds of a freeze."""
        self.__exit__()
        print(self)
        assert self.faults == []
        assert self.slowest_poll < POLL_SECONDS + GRACE_SECONDS + frozen
        for url in self._urls:
            self._check_history(url)

    def _check_history(self, url: str) -> None:
        with httpx.Client(base_url=url, **_options(self._logins[0]), timeout=20) as client:
            shown = self._history(client)
        ids = [each["id"] for each in shown]
        assert ids == sorted(set(ids))
        texts = {each["id"]: each["message"] for each in shown if not each["systemMessage"]}
        assert texts == self.acknowledged, "a message is missing, or was stored twice"
        assert len(set(texts.values())) == len(texts), "a message was stored twice"
        for number in range(self._counts[0]):
            mine = [int(text.split()[-1]) for text in texts.values() if text.startswith(f"{number} ")]
            assert mine == sorted(mine), "the order of posting is lost"
        for followed in self.followed:
            assert followed == [each for each in ids if each > self._first], "a follower missed or doubled a message"

    def _history(self, client: httpx.Client) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        params: dict[str, int] = {"lookIntoFuture": 0, "limit": 200, "setReadMarker": 0}
        while data := data_of(client.get(f"{TALK}v1/chat/{self._token}", params=params)):
            found.extend(data)
            params["lastKnownMessageId"] = data[-1]["id"]
        return found[::-1]

    # --- the clients --------------------------------------------------------------------------
    async def _run(self) -> None:
        writers, followers = self._counts
        async with httpx.AsyncClient(**_options(self._logins[0]), timeout=20) as client:
            self._first = data_of(await client.get(f"{self._urls[0]}{TALK}v4/room/{self._token}"))["lastMessage"]["id"]
        try:
            async with asyncio.TaskGroup() as group:
                writing = [group.create_task(self._write(each)) for each in range(writers)]
                for each in range(followers):
                    group.create_task(self._follow(each))
                await asyncio.gather(*writing)
                self._newest = max(self.acknowledged, default=self._first)
        except BaseExceptionGroup as error:
            self.faults.append(repr(error.exceptions))

    async def _write(self, number: int) -> None:
        turns = itertools.count(number)
        async with httpx.AsyncClient(**_options(self._login(number)), timeout=POST_SECONDS) as client:
            for count in itertools.count():
                if self._is_stopping:
                    return
                text = f"{number} says {count}"
                message = await self._post(client, turns, text)
                self.acknowledged[message["id"]] = text
                self._posted_at[message["id"]] = time.monotonic()
                await asyncio.sleep(0.03)

    async def _post(self, client: httpx.AsyncClient, turns: "itertools.count[int]", text: str) -> dict[str, Any]:
        while True:
            url = f"{self._next(turns)}{TALK}v1/chat/{self._token}"
            try:
                answer = await client.post(url, json={"message": text, "referenceId": text})
            except httpx.TransportError:
                await asyncio.sleep(PAUSE)
                continue
            if answer.status_code != 503:
                message: dict[str, Any] = data_of(answer)
                assert message["message"] == text
                return message
            assert "retry-after" in answer.headers
            await asyncio.sleep(PAUSE)

    async def _follow(self, number: int) -> None:
        turns = itertools.count(number)
        known, followed = self._first, self.followed[number]
        until = 0.0
        async with httpx.AsyncClient(**_options(self._login(number)), timeout=POLL_SECONDS + POST_SECONDS) as client:
            while not self._newest or known < self._newest:
                if self._newest:
                    until = until or time.monotonic() + CATCH_UP_SECONDS
                    assert time.monotonic() < until, f"follower {number} does not get {self._newest}: {self}"
                began = time.monotonic()
                params = {"lookIntoFuture": 1, "lastKnownMessageId": known, "timeout": POLL_SECONDS, "limit": 200}
                try:
                    answer = await client.get(f"{self._next(turns)}{TALK}v1/chat/{self._token}", params=params)
                except httpx.TransportError:
                    answer = None
                now = time.monotonic()
                self.slowest_poll = max(self.slowest_poll, now - began)
                if answer is None or answer.status_code == 503:
                    await asyncio.sleep(PAUSE)
                    continue
                for message in data_of(answer) or ():
                    known = message["id"]
                    followed.append(known)
                    self.slowest_delivery = max(self.slowest_delivery, now - self._posted_at.get(known, now))

    def _next(self, turns: "itertools.count[int]") -> str:
        return self._urls[next(turns) % len(self._urls)]

    def _login(self, number: int) -> tuple[str, str]:
        return self._logins[number % len(self._logins)]


def _options(login: tuple[str, str]) -> dict[str, Any]:
    return {"auth": login, "headers": HEADERS, "verify": NO_TLS, "trust_env": False}
