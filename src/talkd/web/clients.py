"""The oldest Talk apps that may use API v4 (docs/api/old-clients.md). Apps send their version in `User-Agent`."""

import re

from talkd.conversation.settings import TalkSettings
from talkd.core.errors import Outdated
from talkd.web.routing import Route

_CURRENT_API = "/apps/spreed/api/v4/"
_NUMBER = re.compile("[0-9]{1,9}")
_APP = re.compile(r"Mozilla/5\.0 \((?P<system>[A-Za-z ]+)\) Nextcloud-Talk v(?P<version>[^ ]*)")
_MOBILE = {"Android": "android", "iOS": "ios"}
_MINIMUM = {"android": "15.0.0", "ios": "15.0.0", "desktop": "1.0.0"}
_MINIMUM_WITH_CONSENT = {"android": "18.0.0", "ios": "18.0.0", "desktop": "1.0.0"}
"""The first versions that ask their user for consent to being recorded."""


def require_supported(route: Route, user_agent: str, talk_settings: TalkSettings) -> None:
    """Raises Outdated if the request uses API v4 and the app is older than talkd or the administrator allows.

    A pre-release counts as its release. Other clients than the Talk apps are always allowed.
    """
    app = _APP.match(user_agent) if route.path.startswith(_CURRENT_API) else None
    if app is None:
        return
    kind = _MOBILE.get(app["system"], "desktop")
    minimum = (_MINIMUM_WITH_CONSENT if talk_settings.recording_consent else _MINIMUM)[kind]
    for oldest in (minimum, talk_settings.text(f"minimum.supported.{kind}.version")):
        if _numbers(app["version"]) < _numbers(oldest):
            raise Outdated(message=oldest)


def _numbers(version: str) -> tuple[int, int, int]:
    """Return the first three numbers of a version. Missing numbers are 0."""
    release = version.partition("-")[0]
    first, second, third = [*(int(part) for part in _NUMBER.findall(release)), 0, 0, 0][:3]
    return first, second, third
