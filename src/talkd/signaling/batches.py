"""Frames for sockets of another process: together, and each once for all who get it."""

MAX_BYTES = 256 * 1024
"""A batch is cut into such pieces. One with a longer frame is longer."""


class Batch:
    """Frames that are sent together. Each socket gets its own in the order in which they were added."""

    def __init__(self) -> None:
        self.frames: list[tuple[list[int], bytes]] = []
        self._places: dict[int, int] = {}
        """Where each frame is, by its identity: the last place, if there are several."""
        self._last: dict[int, int] = {}
        """Where the last frame of each socket is."""

    def add(self, number: int, frame: bytes) -> None:
        """Add a frame for a socket."""
        place = self._places.get(id(frame))
        if place is None or place < self._last.get(number, 0):
            place = self._places[id(frame)] = len(self.frames)
            self.frames.append(([], frame))
        self.frames[place][0].append(number)
        self._last[number] = place

    def cut(self) -> list[list[tuple[list[int], bytes]]]:
        """Return the frames in pieces."""
        pieces: list[list[tuple[list[int], bytes]]] = []
        size = MAX_BYTES
        for numbers, frame in self.frames:
            if size + len(frame) > MAX_BYTES:
                pieces.append([])
                size = 0
            pieces[-1].append((numbers, frame))
            size += len(frame)
        return pieces
