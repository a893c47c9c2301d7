"""Write events to the log: each has a short name, and values by name. `talkd.logs` formats them and hides secrets."""

import logging
import sys
from typing import Any


class Log:
    """The log of one module."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **values: Any) -> None:
        """Log what only developers want to know."""
        self._logger.debug(event, extra={"values": values})

    def info(self, event: str, **values: Any) -> None:
        """Log what happens in normal operation."""
        self._logger.info(event, extra={"values": values})

    def warning(self, event: str, **values: Any) -> None:
        """Log what an administrator should look at."""
        self._logger.warning(event, extra={"values": values})

    def error(self, event: str, **values: Any) -> None:
        """Log what an administrator must look at."""
        self._logger.error(event, extra={"values": values})

    def exception(self, event: str, **values: Any) -> None:
        """Log an error with the stack trace of the exception that is being handled."""
        self.trace(event, sys.exception(), **values)

    def trace(self, event: str, error: BaseException | None, **values: Any) -> None:
        """Log an error with the stack trace of an exception that was handled before."""
        self._logger.error(event, exc_info=error, extra={"values": values})
