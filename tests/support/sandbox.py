"""Runs a program within the limits of a systemd unit: `python tests/support/sandbox.py UNIT COMMAND...`.

Only those limits that a process can set for itself: capabilities, new privileges, system calls, families of sockets and
memory that is both writable and executable. The system refuses with EPERM what the unit does not allow.
"""

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

UNAVAILABLE = 77
"""The exit status if this machine cannot limit a process like this."""
SET_NO_NEW_PRIVS, CAPBSET_DROP, SET_MDWE = 38, 24, 65
ALLOW, ERROR, EPERM = 0x7FFF0000, 0x00050000, 1
EQUAL = 4
MOST_CAPABILITIES = 64


class _Comparison(ctypes.Structure):
    """libseccomp's condition on an argument of a system call."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("unused", ctypes.c_uint64),
    )


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Return all values of each setting in a unit, in their order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name.strip(), []).append(value.strip())
    return found


def list_calls(filters: list[str]) -> set[str]:
    """Return the names of the system calls that the values of SystemCallFilter= allow."""
    allowed = _members("@default")
    for line in filters:
        names = {name for word in line.removeprefix("~").split() for name in _members(word)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def _members(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in printed.splitlines()[1:]]
    return {call for word in words if word and not word.startswith("#") for call in _members(word)}


def set_limits(unit: Path) -> None:
    """Limit this process and its children. Ends the process with UNAVAILABLE if the system cannot."""
    settings = settings_of(unit)
    calls = list_calls(settings["SystemCallFilter"])
    families = [getattr(socket, name) for name in settings["RestrictAddressFamilies"][0].split()]
    libc = ctypes.CDLL(None, use_errno=True)
    if settings["CapabilityBoundingSet"] == [""]:
        for capability in range(MOST_CAPABILITIES):
            libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)
    if settings["NoNewPrivileges"] == ["yes"]:
        _require(libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if settings["MemoryDenyWriteExecute"] == ["yes"]:
        _require(libc.prctl(SET_MDWE, 1, 0, 0, 0))
    _set_filter(calls, families)


def _set_filter(calls: set[str], families: list[int]) -> None:
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        sys.exit(UNAVAILABLE)
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ERROR | EPERM))
    for name in calls - {"socket"}:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            _require(library.seccomp_rule_add_array(rules, ALLOW, number, 0, None))
    number = library.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        condition = _Comparison(0, EQUAL, family, 0)
        _require(library.seccomp_rule_add_array(rules, ALLOW, number, 1, ctypes.byref(condition)))
    _require(library.seccomp_load(rules))


def _require(status: int) -> None:
    if status != 0:
        sys.exit(UNAVAILABLE)


if __name__ == "__main__":
    set_limits(Path(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
