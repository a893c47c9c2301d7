"""A plain nginx that takes and serves files, on the same disk as the measured server."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.server import Process, free_port

PROGRAM = "nginx"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
SETTINGS = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    client_max_body_size 0;
    client_body_temp_path {folder}/incoming;
    server {{
        listen 127.0.0.1:{port};
        location / {{ root {folder}/files; dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""


def is_installed() -> bool:
    """Return True if nginx can be started."""
    return shutil.which(PROGRAM, path=PATH) is not None


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Process]:
    """Run nginx as one process."""
    port, settings, log = free_port(), folder / "nginx.conf", folder / "log"
    for name in ("incoming", "files"):
        (folder / name).mkdir()
    settings.write_text(SETTINGS.format(folder=folder, port=port))
    program = shutil.which(PROGRAM, path=PATH) or PROGRAM
    with log.open("ab") as output:
        command = [program, "-e", str(log), "-c", str(settings)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        running = Process(process, port, "", log)
        (folder / "files" / "ready").write_text("yes")
        running.wait_for("/ready")
        yield running
    finally:
        process.kill()
        process.wait(10)
