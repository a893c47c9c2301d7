"""The metric of refused uploads. Files that are too large are refused before, and counted with all requests."""

from prometheus_client import Counter

from talkd.core.errors import NoSpace
from talkd.web.metrics import registry

SPACE, TYPE, VIRUS, SCANNER, STORAGE = "space", "type", "virus", "scanner", "storage"
_refusals = Counter("talkd_uploads_refused_total", "Refused uploads by reason.", ("reason",), registry=registry)
for reason in (SPACE, TYPE, VIRUS, SCANNER, STORAGE):
    _refusals.labels(reason)  # so that each is shown from the start


def count(reason: str) -> None:
    """Count a refused upload."""
    _refusals.labels(reason).inc()


def count_full(error: BaseException) -> None:
    """Count an upload that an error refuses, if there was no space for it."""
    if isinstance(error, NoSpace):
        count(SPACE)
