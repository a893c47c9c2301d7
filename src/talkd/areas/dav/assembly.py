"""Which uploads are being made into files. Nobody may change them meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from talkd.core.errors import Locked


class Assembly:
    """The uploads that are being made into files, by user and name. One server has the database, so it can remember."""

    def __init__(self) -> None:
        self._busy: set[tuple[str, str]] = set()

    def require_idle(self, user_id: str, name: str) -> None:
        """Raises Locked if the upload is being made into a file."""
        if (user_id, name) in self._busy:
            raise Locked(message="The pieces of this upload are being put together.")

    @contextmanager
    def keep(self, user_id: str, name: str) -> Iterator[None]:
        """Keep an upload as it is. Raises Locked if it is being made into a file already."""
        self.require_idle(user_id, name)
        self._busy.add((user_id, name))
        try:
            yield
        finally:
            self._busy.discard((user_id, name))
