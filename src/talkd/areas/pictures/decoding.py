"""The program of the process that opens untrusted files: `python -m talkd.areas.pictures.decoding`.

A small file can expand to gigabytes or take minutes. The operating system limits the memory and CPU time of this
process and kills it if it needs more. Then the server loses only that picture.

The standard input is a socket. Each message on it is an order in MessagePack, and comes with an open file. The process
answers each with a length in four bytes and the answer in MessagePack. It exits when the socket is closed.
"""

import os
import resource
import socket
from typing import BinaryIO

import msgspec

from talkd.areas.pictures import durations, opening
from talkd.areas.pictures.model import Answer, Avatar, Description, NotAnImage, Order, Preview, Refusal

MEMORY = 640 * 1024 * 1024
"""Maximum size of the address space in bytes. The largest pictures take about 500 MB."""
CPU_SECONDS = 10
"""Maximum CPU time for one file, in seconds. A photo takes less than one."""
LENGTH = 4
"""Size of a length in bytes, big-endian."""
MAX_ORDER = 1024
"""Maximum size of an order in bytes."""


def answer(order: Order, file: BinaryIO) -> Answer:
    """Do what is asked with a file."""
    try:
        if isinstance(order, Avatar):
            return opening.make_avatar(file, order)
        if isinstance(order, Preview):
            return opening.make_preview(file, order)
        return describe(file)
    except NotAnImage as error:
        return Refusal(str(error))


def describe(file: BinaryIO) -> Description:
    """Describe a picture, sound or film. Only the contents decide which it is, so equal contents are described alike.

    Raises NotAnImage for a picture that cannot be opened.
    """
    if opening.is_picture(file):
        return opening.describe(file)
    return Description(duration=durations.find_duration(file))


def serve(channel: socket.socket) -> None:
    """Answer until the socket is closed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    decoder = msgspec.msgpack.Decoder(Order)
    while True:
        message, files, _, _ = socket.recv_fds(channel, MAX_ORDER, 1)
        if not message:
            return
        _grant_time()
        with os.fdopen(files[0], "rb") as file:
            content = msgspec.msgpack.encode(answer(decoder.decode(message), file))
        channel.sendall(len(content).to_bytes(LENGTH, "big") + content)


def _grant_time() -> None:
    """Let the process use CPU_SECONDS from now on. The system kills it (SIGXCPU) if it uses more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, hard))


if __name__ == "__main__":
    with socket.socket(fileno=0) as ours:
        serve(ours)
