"""Encoding drawn pictures, and drawing in threads."""

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from PIL import Image  # Pillow is imported with the first picture

Args = TypeVarTuple("Args")
T = TypeVar("T")

_threads = ThreadPoolExecutor(2, thread_name_prefix="image")
"""Only two threads, so that pictures leave CPU time to everything else."""


async def in_thread(work: Callable[[*Args], T], *args: *Args) -> T:
    """Run a blocking function in a thread."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)


def as_png(image: "Image.Image") -> bytes:
    """Encode a picture as PNG, without a colour profile."""
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, icc_profile=None)
    return out.getvalue()
