"""Uploaded pictures: image files, how clients send them, and how older versions of talkd stored them."""

import io
from typing import Any

import httpx
import sqlalchemy as sa
from PIL import Image

from support.people import Person
from support.running import Server
from talkd.storage.database import Tx
from talkd.storage.schema import room_avatars, user_avatars
from talkd.storage.statements import Statement, bind

V1 = "/ocs/v2.php/apps/spreed/api/v1/"
UPLOAD = "/ocs/v2.php/apps/spreed/temp-user-avatar"


def picture(color: int = 0, side: int = 512) -> bytes:
    """Return a PNG file of one colour, which has a number. With 512 pixels it is kept as it is."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), (color % 256, color // 256 % 256, 90)).save(out, "PNG", optimize=True)
    return out.getvalue()


def set_own(person: Person, content: bytes) -> httpx.Response:
    """Set the picture of a person."""
    return person.http.post(UPLOAD, files={"files[]": ("me.png", content, "image/png")})


def set_of_room(person: Person, token: str, content: bytes) -> httpx.Response:
    """Set the picture of a room."""
    return person.http.post(f"{V1}room/{token}/avatar", files={"file": ("a.png", content, "image/png")})


def own(person: Person, size: int = 512, *, known: str = "", by: Person | None = None) -> httpx.Response:
    """Return the picture of a person, for a client that has the picture with the tag `known`. `by`: who asks."""
    return (by or person).http.get(f"/avatar/{person.id}/{size}", headers={"If-None-Match": known})


def of_room(person: Person, token: str, *, known: str = "") -> httpx.Response:
    """Return the picture of a room, for a client that has the picture with the tag `known`."""
    return person.http.get(f"{V1}room/{token}/avatar", headers={"If-None-Match": known})


def store_old(server: Server, owner_id: str | int, content: bytes) -> None:
    """Store a picture of an account or of a room with this id as older versions did: in the database."""
    table, name = (user_avatars, "user_id") if isinstance(owner_id, str) else (room_avatars, "room_id")
    add = Statement(sa.insert(table).values({name: bind("owner_id"), "image": bind("image")}))

    async def work(tx: Tx) -> Any:
        await tx.run(add, owner_id=owner_id, image=content)
        if isinstance(owner_id, int):
            await tx.run(Statement(sa.text("UPDATE rooms SET avatar = 'image'")))

    server.write(work)
