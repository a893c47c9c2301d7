"""A server is killed while it puts the pieces of an upload together. The pieces or the file are there afterwards."""

import os
import random
import threading
from pathlib import Path

import httpx

from support.processes import Process
from support.running import ADMIN, ADMIN_PASSWORD

PIECE = 4_000_000
UPLOAD, FILE = "/remote.php/dav/uploads/admin/x", "/remote.php/dav/files/admin/film.mp4"


def move(server: Process, client: httpx.Client) -> int:
    """Make the pieces a file, and return the status, or 0 if the server did not answer."""
    try:
        return client.request("MOVE", f"{UPLOAD}/.file", headers={"Destination": server.url + FILE}).status_code
    except httpx.TransportError:
        return 0


def test_no_piece_is_lost(tmp_path: Path, kills: int) -> None:
    chance, folder = random.Random(14), tmp_path / "data"
    pieces = [os.urandom(PIECE) for _ in range(5)]
    for _ in range(kills):
        with Process(folder) as server:
            client = server.client(ADMIN, ADMIN_PASSWORD)
            assert client.request("MKCOL", UPLOAD).status_code == 201
            for number, piece in enumerate(pieces, 1):
                assert client.put(f"{UPLOAD}/{number}", content=piece).status_code == 201
            killer = threading.Timer(chance.random() * 0.3, server.popen.kill)
            killer.start()
            answered = move(server, client)
            killer.join()
        with Process(folder) as server:
            client = server.client(ADMIN, ADMIN_PASSWORD)
            again = move(server, client)
            assert again in ((404,) if answered else (201, 204, 404))
            assert client.get(FILE).content == b"".join(pieces)
            assert client.request("PROPFIND", UPLOAD).status_code == 404
            pieces.reverse()
