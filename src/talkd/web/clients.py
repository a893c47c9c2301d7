"""Which versions of the Talk apps API v4 answers (docs/api/old-clients.md). Apps tell their version in `User-Agent`."""

import re

from talkd.conversation.settings import TalkSettings
from talkd.core.errors import Outdated
from talkd.web.routing import Route

_CURRENT_API = "/apps/spreed/api/v4/"
_APP = re.compile(r"Mozilla/5\.0 \((?P<system>[A-Za-z ]+)\) Nextcloud-Talk v(?P<version>[^ ]*)")
_MOBILE = {"Android": "android", "iOS": "ios"}
_MINIMUM = {"android": "15.0.0", "ios": "15.0.0", "desktop": "1.0.0"}
_MINIMUM_WITH_CONSENT = {"android": "18.0.0", "ios": "18.0.0", "desktop": "1.0.0"}
"""From these versions on, apps ask their user for consent to being recorded."""


def require_supported(route: Route, user_agent: str, settings: TalkSettings) -> None:
    """Raises Outdated for API v4 if the app is older than talkd or the administrator supports.

    A pre-release counts as its release. Clients other than the Talk apps are never too old.
    """
    app = _APP.match(user_agent) if route.path.startswith(_CURRENT_API) else None
    if app is None:
        return
    kind = _MOBILE.get(app["system"], "desktop")
    minimum = (_MINIMUM_WITH_CONSENT if settings.recording_consent else _MINIMUM)[kind]
    for oldest in (minimum, settings.text(f"minimum.supported.{kind}.version")):
        if _numbers(app["version"]) < _numbers(oldest):
            raise Outdated(message=oldest)


def _numbers(version: str) -> tuple[int, int, int]:
    """Return the first three numbers of a version; those that are missing count as 0."""
    release = version.partition("-")[0]
    first, second, third = [*(int(part) for part in re.findall(r"[0-9]{1,9}", release)), 0, 0, 0][:3]
    return first, second, third
