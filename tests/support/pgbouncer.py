"""A real PgBouncer in transaction mode before a PostgreSQL of the tests."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.parts import POOLER
from support.replication import Instance
from support.running import free_port

_SETTINGS = """
[databases]
* = host=127.0.0.1 port={target}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
server_login_retry = 0.2
logfile = {folder}/log
"""


@contextmanager
def running_pgbouncer(postgres: Instance, folder: Path) -> Iterator[int]:
    """Yield the port of a PgBouncer, which shares two connections. Skip the running test if there is no PgBouncer."""
    program = POOLER.find("pgbouncer")
    folder.mkdir()
    folder.chmod(0o777)
    port = free_port()
    (folder / "users").write_text('"postgres" ""\n')
    (folder / "ini").write_text(_SETTINGS.format(target=postgres.port, port=port, folder=folder))
    user = "pgserver" if os.geteuid() == 0 else None  # it refuses to run as root
    process = subprocess.Popen([program, "-q", str(folder / "ini")], user=user)
    try:
        until = time.monotonic() + 30
        while True:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, "PgBouncer does not listen"
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()
