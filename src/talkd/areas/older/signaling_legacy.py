"""The settings for calls as API versions 1 and 2 had them: pure functions of today's."""

from typing import Any

from talkd.core import ids

Settings = dict[str, Any]


def settings_v1(today: Settings) -> Settings:
    """Without what came later, and with one STUN and one TURN server: these clients do not choose, so chance does."""
    known = ("signalingMode", "userId", "hideWarning", "server", "ticket")
    stun = [url for entry in today["stunservers"] for url in entry["urls"]]
    return {
        **{name: today[name] for name in known},
        "stunservers": [{"url": url, "urls": [url]} for url in _any(stun)],
        "turnservers": [{"url": entry["urls"][0], **entry} for entry in _any(today["turnservers"]) if entry["urls"]],
    }


def settings_v2(today: Settings) -> Settings:
    """As version 1, and how to call in by telephone."""
    return {**settings_v1(today), "sipDialinInfo": today["sipDialinInfo"]}


def _any(entries: list[Any]) -> list[Any]:
    return [ids.source.choice(entries)] if entries else []
