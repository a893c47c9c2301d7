"""The memory of connections whose clients do nothing."""

import contextlib
import socket
from pathlib import Path

import pytest

from budgets.budgets import CONNECTIONS, IDLE_CONNECTION, IDLE_SOCKET
from support.parts import MEMORY
from support.processes import Process

UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def memory_of(process: Process) -> int:
    """Return the resident memory of a process in bytes."""
    [line] = [
        line for line in Path(f"/proc/{process.popen.pid}/status").read_text().splitlines() if line.startswith("VmRSS")
    ]
    return int(line.split()[1]) * 1024


def open_many(process: Process, stack: contextlib.ExitStack, path: str, headers: str, status: bytes) -> None:
    """Open connections, and send a request on each."""
    for _ in range(CONNECTIONS):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", process.port), timeout=30))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(4096)
        assert status in received.partition(b"\r\n")[0]


@MEMORY.skip_if(not Path("/proc/self/status").exists())
@pytest.mark.parametrize(
    ("path", "headers", "status", "budget"),
    [
        ("/status.php", "", b"200", IDLE_CONNECTION),
        ("/standalone-signaling/spreed", UPGRADE, b"101", IDLE_SOCKET),
    ],
    ids=["connection", "socket"],
)
def test_memory_of_idle_connections(tmp_path: Path, path: str, headers: str, status: bytes, budget: int) -> None:
    with Process(tmp_path / "data") as process, contextlib.ExitStack() as stack:
        with contextlib.ExitStack() as first:  # what the server needs once
            open_many(process, first, path, headers, status)
        before = memory_of(process)
        for _ in range(2):  # the memory of the first ones is used again
            open_many(process, stack, path, headers, status)
        taken = (memory_of(process) - before) / CONNECTIONS
    assert taken < budget, taken
