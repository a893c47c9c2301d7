"""`python -m bench.previews`: the time and memory that previews of large photos take."""

import base64
import io
import secrets
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from PIL import Image

from bench.server import TICKS, Server

SIZE = (8192, 6144)
"""50 million pixels."""
KINDS: dict[str, dict[str, bool]] = {"baseline": {}, "progressive": {"progressive": True}}
SIDES = (512, 1024, 2048)
MB = 1_000_000


def photo(*, progressive: bool = False) -> bytes:
    """Return a JPEG with as many details as a photo."""
    noise = Image.effect_noise((SIZE[0] // 8, SIZE[1] // 8), 80).resize(SIZE, Image.Resampling.BICUBIC)
    flip = Image.Transpose
    out = io.BytesIO()
    mirrored = [noise.transpose(each) for each in (flip.FLIP_LEFT_RIGHT, flip.FLIP_TOP_BOTTOM)]
    Image.merge("RGB", [noise, *mirrored]).save(out, "JPEG", quality=90, progressive=progressive)
    return out.getvalue()


def peak(pid: int) -> float:
    """Return the largest memory of a process, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / MB for line in lines if line.startswith("VmHWM"))


def cpu(pid: int) -> float:
    """Return the seconds of CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def decoder_of(server: int) -> int:
    """Return the process that opens pictures for a server, or 0."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    is_decoder = [b"pictures.decoding" in Path(f"/proc/{each}/cmdline").read_bytes() for each in children]
    return next((int(each) for each, is_it in zip(children, is_decoder, strict=True) if is_it), 0)


def main() -> None:
    """Print a table."""
    password = secrets.token_hex(16)
    print("| photo | preview | seconds | CPU seconds | bytes | server, most MB | process, most MB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="talkd-bench-") as folder:
        server = Server(Path(folder), TALKD_ADMIN_PASSWORD=password)
        key = base64.b64encode(f"admin:{password}".encode()).decode()

        def ask(method: str, path: str, content: bytes | None = None) -> bytes:
            request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", content, method=method)
            for name, value in (("Authorization", f"Basic {key}"), ("Accept", "image/webp"), ("OCS-APIRequest", "1")):
                request.add_header(name, value)
            with urllib.request.urlopen(request, timeout=60) as answer:
                body: bytes = answer.read()
            return body

        try:
            print(f"| before | | | | | {peak(server.process.pid):.0f} | |")
            for kind, options in KINDS.items():
                pid = server.process.pid
                ask("PUT", f"/remote.php/dav/files/admin/{kind}.jpg", photo(**options))
                for side in SIDES:
                    query = urllib.parse.urlencode({"file": f"/{kind}.jpg", "x": side, "y": side, "a": 1})
                    used, began = cpu(decoder_of(pid)) if decoder_of(pid) else 0.0, time.perf_counter()
                    made = ask("GET", f"/core/preview.png?{query}")
                    took = time.perf_counter() - began
                    used = cpu(decoder_of(pid)) - used
                    memory = f"{peak(pid):.0f} | {peak(decoder_of(pid)):.0f}"
                    print(f"| {kind} | {side} | {took:.2f} | {used:.2f} | {len(made):,} | {memory} |")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
