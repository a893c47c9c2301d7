"""Windows of the web client in which people send files, and files for them."""

import math
import struct
import wave
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from browser.web.conftest import Page, Window
from support import files
from support.files import Files
from support.people import Person

FIELD = "Write a message"
PIECE = 10_000_000
ROWS = "return [...document.querySelectorAll('.item')].map(each => each.innerText)"
GIVE = """
const [kind, files] = arguments, data = new DataTransfer();
for (const [name, type, text] of files)
  data.items.add(new File([Uint8Array.from(atob(text), each => each.charCodeAt(0))], name, {type}));
if (kind === "paste") {
  const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
  return !document.querySelector("textarea").dispatchEvent(event);
}
const target = document.querySelector("[role=log]");
const tell = name => target.dispatchEvent(new DragEvent(name, {dataTransfer: data, bubbles: true, cancelable: true}));
return !tell("dragover") && !tell("drop");
"""
"""Pastes or drops files. Returns whether the page took them."""
IS_SHOWN = """
return [...document.querySelectorAll(`.item button[aria-label="${arguments[0]}"] img`)]
  .some(each => each.complete && each.naturalWidth > 0);
"""


class Sharing(Window):
    """A person who sends files in one room after the other."""

    def choose(self, *paths: Path) -> None:
        """Choose files in the browser's own dialog, and wait until they are shown."""
        choose(self.page, paths)

    def shows(self, text: str) -> bool:
        """Wait until a row shows a text."""
        return bool(self.page.wait(lambda: any(text in row for row in self.page.run(ROWS))))

    def lacks(self, text: str) -> bool:
        """Wait until no row shows a text. The list of conversations may show it."""
        return bool(self.page.wait(lambda: not any(text in row for row in self.page.run(ROWS))))

    def sees_picture(self, name: str) -> bool:
        """Wait until a picture is loaded."""
        return bool(self.page.wait(lambda: self.page.run(IS_SHOWN, f"Show {name}")))

    def has_uploaded(self, size: int) -> None:
        """Wait until so many bytes of the first file on its way are at the server."""
        value = "return document.querySelector('.item progress')?.value ?? 0"
        self.page.wait(lambda: self.page.run(value) >= size)

    def files(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the texts and files of the messages with files, oldest first."""
        return [
            (each["message"], each["messageParameters"]["file"])
            for each in reversed(self.person.history(self.token))
            if "file" in each["messageParameters"]
        ]

    def has_sent(self, *names: str) -> list[tuple[str, dict[str, Any]]]:
        """Wait until the room has exactly these files, in this order. Return them with their texts."""
        self.page.wait(lambda: [file["name"] for _, file in self.files()] == list(names))
        return self.files()

    def content(self, file: dict[str, Any]) -> bytes:
        """Download a file of a message."""
        return Files(self.person).get("/" + file["path"])


def choose(page: Page, paths: Sequence[Path]) -> None:
    """Choose files in the browser's own dialog."""
    page.find("button", "Add something")
    field = page.wait(lambda: page.chrome.find_element("css selector", "input[type=file][multiple]"))
    field.send_keys("\n".join(map(str, paths)))


def send(person: Person, token: str, name: str, content: bytes, **more: str) -> None:
    """Send a file to a room, under any name: also one that a form would change."""
    files.send(person, token, content, name, fileName=name, **more)


def picture(width: int = 400, height: int = 300, kind: str = "PNG", blue: int = 90) -> bytes:
    """Return a picture with a gradient."""
    content = BytesIO()
    red, green = Image.linear_gradient("L").resize((width, height)), Image.radial_gradient("L").resize((width, height))
    Image.merge("RGB", (red, green, Image.new("L", (width, height), blue))).save(content, kind)
    return content.getvalue()


def sound(seconds: float = 2, rate: int = 8000) -> bytes:
    """Return a WAV file with a tone that becomes louder."""
    content, count = BytesIO(), int(seconds * rate)
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (int(32767 * index / count * math.sin(index / 3)) for index in range(count))
        file.writeframes(b"".join(struct.pack("<h", each) for each in samples))
    return content.getvalue()


def large_photo() -> bytes:
    """Return a JPEG with about 20 megapixels and 20 MB."""
    content = BytesIO()
    noise = Image.effect_noise((5200, 3900), 90)
    Image.merge("RGB", (noise, noise.rotate(90, expand=True).resize(noise.size), noise)).save(
        content, "JPEG", quality=93
    )
    return content.getvalue()
