"""What operations need to keep and read the contents of files."""

from talkd.areas.files.model import Blob, Limits, is_allowed
from talkd.areas.files.receiving import Reception
from talkd.areas.files.scanner import Scanner
from talkd.blobs import open_blobs
from talkd.config import Config
from talkd.core.errors import Forbidden, Unavailable
from talkd.core.log import Log
from talkd.core.streams import Stream

log = Log(__name__)


class Contents:
    """The storage of contents, with the settings for files. Raises ConfigError if it cannot be used."""

    def __init__(self, config: Config) -> None:
        self.blobs = open_blobs(config)
        self._scanner = Scanner(config.files.scanner)
        self.limits = Limits(config.files.quota, config.files.total)
        self._types = config.files.types

    def begin(self, checksum: str = "") -> Reception:
        """Return the place for contents that a client sends. `checksum` is what the client computed, if it did."""
        return Reception(self.blobs, self._scanner, checksum)

    def require_type(self, media_type: str) -> None:
        """Raises Forbidden if files of this type may not be sent."""
        if not is_allowed(media_type, self._types):
            raise Forbidden(message=f"Files of the type {media_type} are not allowed.")

    async def open(self, blob: Blob, start: int = 0, size: int | None = None) -> Stream:
        """Return `size` bytes of contents from `start` on, or all of them. Raises Unavailable if the storage fails."""
        try:
            return await self.blobs.open(blob.key, start, blob.size if size is None else size)
        except Exception as error:
            log.exception("contents_unreadable", blob=blob.id)
            raise Unavailable(10, message="The storage of files cannot be reached.") from error

    async def close(self) -> None:
        """Disconnect from the storage."""
        await self.blobs.close()
