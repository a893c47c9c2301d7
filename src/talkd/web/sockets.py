"""The sockets that the server listens on: an address and port, or a Unix socket."""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from talkd.config_groups import ServerConfig

UNIX_MODE = 0o660
"""Permissions of the Unix socket: its user and group may connect."""
ANSWER_SECONDS = 5.0


def bind(config: ServerConfig) -> list[socket.socket]:
    """Return sockets that are bound to the server's address, but do not listen yet.

    A host name may have several addresses, such as one of each IP family. Raises OSError, which says what to do.
    """
    if config.unix_socket:
        return [_bind_unix(Path(config.unix_socket))]
    made: list[socket.socket] = []
    missing: OSError | None = None
    for address in addresses_of(config.host):
        try:
            made.append(_bind_address(address, config.port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                missing = error  # the machine may lack one of the IP families
                continue
            for each in made:
                each.close()
            raise
    if not made:
        assert missing is not None
        raise missing
    return made


@contextlib.contextmanager
def bound(config: ServerConfig) -> Iterator[list[socket.socket]]:
    """Yield the sockets of `bind`, and close them at the end, whether or not a server has used them."""
    made = bind(config)
    try:
        yield made
    finally:
        for each in made:
            each.close()


def find_obstacle(config: ServerConfig) -> OSError | None:
    """Return the error of binding to the server's address, or None if it is free."""
    if config.unix_socket:
        return _find_listener(Path(config.unix_socket))
    try:
        with bound(config):
            return None
    except OSError as error:
        return error


def addresses_of(host: str) -> list[str]:
    """Return the IP addresses of a host name. Raises OSError."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        reason = f"cannot listen on {host}: {error.strerror}; use an address of this machine for --host"
        raise OSError(error.errno, reason) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _bind_address(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        # asyncio only switches off the delay of small writes on sockets that name their protocol.
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")  # `::` accepts IPv4 too
            made.bind((address, port))
        except OSError:
            made.close()
            raise
    except OSError as error:
        reason = f"cannot listen on {address} port {port}: {error.strerror}; choose another with --host and --port"
        raise OSError(error.errno, reason) from error
    return made


def _bind_unix(path: Path) -> socket.socket:
    """Return a socket that is bound to a path. A socket that nobody listens on any more is replaced."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        obstacle = _find_listener(path)
        if obstacle is not None:
            raise obstacle
        path.unlink(missing_ok=True)
        with _only_for_user_and_group():
            made.bind(str(path))
    except OSError as error:
        made.close()
        reason = f"cannot listen on {path}: {error.strerror}; choose another with --unix-socket"
        raise OSError(error.errno, reason) from error
    return made


def _find_listener(path: Path) -> OSError | None:
    """Return why a Unix socket cannot be made at a path: another file is there, or a program listens on it."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISSOCK(mode):
        return FileExistsError(errno.EEXIST, "a file that is not a socket has this name")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return None
        except OSError as error:
            return error
    return OSError(errno.EADDRINUSE, "a program listens on it")


@contextlib.contextmanager
def _only_for_user_and_group() -> Iterator[None]:
    before = os.umask(0o777 & ~UNIX_MODE)
    try:
        yield
    finally:
        os.umask(before)
