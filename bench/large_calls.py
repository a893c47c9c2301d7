"""A call of many browsers through a Janus gateway."""

import asyncio
import contextlib
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.browsers import MISSING, Guest, chromium, create_public_room, is_installed
from bench.data import Data
from bench.report import Row, percentile
from bench.server import Server, free_port

WATCH = "return caller.watch(arguments[0], 'video', 1)"
"""Waits until another frame of each of these actors was decoded."""
SMALL = "caller.video = { width: 160, height: 120, frameRate: 2 }"
UNUSED = "http mqtt nanomsg pfunix rabbitmq"


async def set_up(server: Server, data: Data, people: int) -> list[Row]:
    """Guests join a call one after the other. The latency is the time until a newcomer sees all who are there."""
    program = shutil.which("janus")
    if program is None or not is_installed():
        return [Row(f"call of {people}: not measured, {MISSING if program else 'janus is not installed'}")]
    server.stop()
    with gateway(program, server.data) as (url, secret):
        janus = {"TALKD_CALLS_JANUS": url, "TALKD_CALLS_JANUS_SECRET": secret}
        ours = Server(server.data, server.database, **janus)
        try:
            token = await create_public_room(ours, data)
            milliseconds = await asyncio.to_thread(_call, ours, token, people)
        finally:
            ours.stop()
    return [
        Row(
            f"call of {len(milliseconds) + 1} of {people} through Janus, until a newcomer sees all",
            p50=percentile(milliseconds, 0.5),
            p95=percentile(milliseconds, 0.95),
            last=milliseconds[-1],
        )
    ]


@contextlib.contextmanager
def gateway(program: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Run Janus, and yield its address and secret."""
    port, secret = free_port(), secrets.token_hex(16)
    disabled = ",".join(f"libjanus_{name}.so" for name in UNUSED.split())
    (folder / "janus.jcfg").write_text(
        f'general: {{ configs_folder = "{folder}" api_secret = "{secret}" }}\n'
        "media: { ipv6 = false }\nnat: { full_trickle = true }\n"
        f'transports: {{ disable = "{disabled}" }}\n'
    )
    (folder / "janus.transport.websockets.jcfg").write_text(
        f'general: {{ ws = true ws_port = {port} ws_ip = "127.0.0.1" wss = false }}\n'
    )
    with (folder / "janus.log").open("wb") as log:
        command = [program, "-F", str(folder), "-C", str(folder / "janus.jcfg")]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield f"ws://127.0.0.1:{port}", secret
    finally:
        process.terminate()
        process.wait(10)


def _call(server: Server, token: str, people: int) -> list[float]:
    """Return the milliseconds of each newcomer but the first. Ends early if the machine cannot encode so many."""
    from selenium.common.exceptions import WebDriverException

    guests: list[Guest] = []
    milliseconds = []
    with chromium() as browser:
        for number in range(people):
            guest = Guest(browser, f"http://127.0.0.1:{server.port}", token)
            guest.run(SMALL)
            there = [each.actor for each in guests]
            try:
                took = guest.call(*there)
            except WebDriverException as error:
                print(f"a call of {number + 1} failed: {(error.msg or '').splitlines()[0]}", file=sys.stderr)
                break
            guests.append(guest)
            print(f"{number + 1} in the call, the last saw all after {took / 1000:.1f} s", file=sys.stderr)
            if there:
                milliseconds.append(took)
        for each in guests:
            each.run(WATCH, [other.actor for other in guests if other is not each])
        print(f"each of {len(guests)} decodes the pictures of all others", file=sys.stderr)
    return milliseconds
