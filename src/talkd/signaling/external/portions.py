"""Divide notifications that are larger than signaling servers accept."""

from typing import Any

from talkd.signaling.external.bodies import Notification

MAX_BYTES = 256 * 1024
"""Maximum size of the body of a notification."""


def divide(notification: Notification) -> list[Notification]:
    """Return the notification, or several in its place, none of which is too large unless one entry is.

    Without room for the list of all sessions, servers are told only those that have changed. Each list is divided in
    order.
    """
    if fits(notification):
        return [notification]
    content = notification.content
    if "users" in content and content["users"] != content["changed"]:
        return divide(_with(notification, content | {"users": content["changed"]}))
    lists = {key: value for key, value in content.items() if isinstance(value, list)}
    longest = max((len(each) for each in lists.values()), default=0)
    if longest <= 1:
        return [notification]
    middle = {key: (len(value) + 1) // 2 for key, value in lists.items()}
    first = {key: value[: middle[key]] for key, value in lists.items()}
    second = {key: value[middle[key] :] for key, value in lists.items()}
    return [each for part in (first, second) for each in divide(_with(notification, content | part))]


def fits(notification: Notification) -> bool:
    """Return True if servers accept a notification of this size."""
    return len(notification.body) <= MAX_BYTES


def _with(notification: Notification, content: dict[str, Any]) -> Notification:
    return Notification(notification.token, notification.type, content)
