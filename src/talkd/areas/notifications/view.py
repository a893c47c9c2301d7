"""Notifications as JSON, in the form of the notifications API v2."""

from datetime import UTC, datetime

import msgspec

from talkd.areas.messages import view as message_view
from talkd.areas.notifications.model import About, Entry, Listing, Subject
from talkd.conversation.message import Names, current_actor
from talkd.core.actor import DELETED_USERS, GROUPS, USERS, Actor
from talkd.core.constants import RoomType

Parameter = dict[str, str]
Parameters = dict[str, Parameter]


class ActionView(msgspec.Struct, frozen=True):
    """A button of a notification: it opens a page (type WEB) or sends a request (type is the method)."""

    label: str
    link: str
    type: str = "WEB"
    primary: bool = False


class NotificationView(msgspec.Struct, frozen=True):
    """A notification in the API."""

    notification_id: int
    app: str
    user: str
    datetime: str
    object_type: str
    object_id: str
    subject: str
    message: str
    link: str
    subjectRich: str
    subjectRichParameters: Parameters
    messageRich: str
    messageRichParameters: Parameters
    icon: str
    shouldNotify: bool
    actions: list[ActionView]


def notifications(listing: Listing, base_url: str) -> list[NotificationView]:
    """Show the notifications. Links begin with `base_url`."""
    return [_notification(entry, listing.names, base_url) for entry in listing.entries]


def _notification(entry: Entry, names: Names, base_url: str) -> NotificationView:
    item, room = entry.notification, entry.me.room
    page = f"{base_url}/call/{room.token}"
    parameters = {} if entry.is_sensitive else _parameters(entry, names, base_url, page)
    subject = _subject(entry, parameters)
    if entry.is_sensitive or not item.message_id:
        object_id, link = room.token, page
    else:
        object_id, link = f"{room.token}/{item.message_id}", f"{page}#message_{item.message_id}"
    text, references = _message(entry, names)
    return NotificationView(
        notification_id=item.id,
        app="spreed",
        user=item.user_id,
        datetime=datetime.fromtimestamp(item.created_at, UTC).isoformat(),
        object_type=item.object_type,
        object_id=object_id,
        subject=message_view.plain_text(subject, parameters),
        message=message_view.plain_text(text, references),
        link=link,
        subjectRich=subject,
        subjectRichParameters=parameters,
        messageRich=text,
        messageRichParameters=references,
        icon=f"{base_url}/static/logo.svg",
        shouldNotify=True,  # talkd has no do-not-disturb status
        actions=_actions(entry, page, link, base_url),
    )


# --- the subject ----------------------------------------------------------------------------
_DELETED_USER = "A deleted user"


class _Wording(msgspec.Struct, frozen=True):
    """The subject of a kind of notification, by room. `{who}` stands for the actor."""

    one_to_one: str
    other: str
    sensitive: str
    """Used if the user marked the room as sensitive. Names neither the actor nor the room."""


_MENTIONED_IN_PRIVATE = "{who} mentioned you in a private conversation"
_MENTIONED_SENSITIVE = "Someone mentioned you in a private conversation"
_WORDINGS = {
    Subject.INVITATION: _Wording(
        "{who} invited you to a group conversation: {call}",
        "{who} invited you to a group conversation: {call}",
        "You were invited to a private conversation",
    ),
    Subject.CALL: _Wording(
        "{user} would like to talk with you",
        "A group call has started in {call}",
        "A call has started in a private conversation",
    ),
    Subject.CHAT: _Wording(
        "{who} sent you a private message",
        "{who} sent a message in conversation {call}",
        "You received a message in a private conversation",
    ),
    Subject.REPLY: _Wording(
        "{who} replied to your private message",
        "{who} replied to your message in conversation {call}",
        "Notification in a private conversation",
    ),
    Subject.MENTION_DIRECT: _Wording(
        _MENTIONED_IN_PRIVATE, "{who} mentioned you in conversation {call}", _MENTIONED_SENSITIVE
    ),
    Subject.MENTION_GROUP: _Wording(
        _MENTIONED_IN_PRIVATE, "{who} mentioned group {group} in conversation {call}", _MENTIONED_SENSITIVE
    ),
    Subject.MENTION_ALL: _Wording(
        _MENTIONED_IN_PRIVATE, "{who} mentioned everyone in conversation {call}", _MENTIONED_SENSITIVE
    ),
    Subject.REACTION: _Wording(
        "{who} reacted with {reaction} to your private message",
        "{who} reacted with {reaction} to your message in conversation {call}",
        "Someone reacted in a private conversation",
    ),
    Subject.REMINDER: _Wording(
        "Reminder: {who} in private conversation {call}",
        "Reminder: {who} in conversation {call}",
        "Reminder in a private conversation",
    ),
    Subject.RECORDING: _Wording(
        "Call recording now available",
        "Call recording now available",
        "Call recording now available",
    ),
}
_MISSED_CALL = _Wording(
    "You missed a call from {user}",
    "You missed a group call in {call}",
    "You missed a call in a private conversation",
)
"""The wording of Subject.CALL once the call is over. The notifications of users who joined it are deleted."""
_PHONE_CALL, _MISSED_PHONE_CALL = "Incoming phone call from {call}", "You missed a phone call from {call}"
"""Used in rooms that were opened by a telephone call, which have the name of the caller."""
_ONE_TO_ONE_REMINDER = "Reminder: {who} in private conversation"
"""Used in one-to-one rooms for a message of the other user: the room has the same name, which then appears once."""

assert not set(Subject) - _WORDINGS.keys(), f"add texts to _WORDINGS for {sorted(set(Subject) - _WORDINGS.keys())}"


def _subject(entry: Entry, parameters: Parameters) -> str:
    item, room = entry.notification, entry.me.room
    is_over = item.subject == Subject.CALL and not room.call_started_at
    wording = _MISSED_CALL if is_over else _WORDINGS[Subject(item.subject)]
    if entry.is_sensitive:
        return wording.sensitive
    text, who = wording.one_to_one if room.is_one_to_one else wording.other, _who(entry, parameters)
    if item.subject == Subject.CALL and room.is_phone_call:
        text = _MISSED_PHONE_CALL if is_over else _PHONE_CALL
    if item.subject == Subject.REMINDER:
        if item.actor_type == USERS and item.actor_id == item.user_id:
            who = "You"
        elif room.type == RoomType.ONE_TO_ONE_FORMER:
            who = _DELETED_USER
        elif room.type == RoomType.ONE_TO_ONE:
            text = _ONE_TO_ONE_REMINDER
    return text.replace("{who}", who)


def _who(entry: Entry, parameters: Parameters) -> str:
    if "user" in parameters:
        return "{user}"
    if "guest" in parameters:
        return "{guest} (guest)"
    return _DELETED_USER if entry.notification.actor_type in (USERS, DELETED_USERS) else "A guest"


def _parameters(entry: Entry, names: Names, base_url: str, page: str) -> Parameters:
    item, room = entry.notification, entry.me.room
    found: Parameters = {}
    actor_type, actor_id, name = current_actor(item.actor_type, item.actor_id, item.actor_name, names)
    if actor_type == USERS:
        found["user"] = {"type": "user", "id": actor_id, "name": name or actor_id}
    elif actor_type != DELETED_USERS and name:
        found["guest"] = {"type": "guest", "id": actor_id, "name": name}
    if item.subject == Subject.REACTION:
        found["reaction"] = {"type": "highlight", "id": item.details, "name": item.details}
    elif item.subject == Subject.MENTION_GROUP:
        group = names.get((GROUPS, item.details), item.details)
        found["group"] = {"type": "user-group", "id": item.details, "name": group}
    partner = room.partner_of(item.user_id)
    found["call"] = {
        "type": "call",
        "id": str(room.id),
        "name": room.name_for(item.user_id, names.get((USERS, partner), "")),
        "link": page,
        "call-type": message_view.call_type(room),
        "icon-url": f"{base_url}{message_view.avatar_path(room)}",
    }
    return found


# --- the message and the actions ------------------------------------------------------------
def _message(entry: Entry, names: Names) -> tuple[str, Parameters]:
    """Return the text of the message and its parameters; both empty if the room is marked as sensitive."""
    item = entry.notification
    if item.subject == Subject.RECORDING and not entry.is_sensitive:
        file_id, _, name = item.details.rpartition("/")
        file = {"type": "highlight", "id": file_id or name, "name": name}
        return "The recording of the call was stored as {file}.", {"file": file}
    if entry.message is None or entry.is_sensitive:
        return "", {}
    reader = Actor(USERS, entry.notification.user_id)
    shown = message_view.message(entry.message, entry.me.room, reader, names)
    parameters = shown.messageParameters
    return shown.message, parameters if isinstance(parameters, dict) else {}


def _actions(entry: Entry, page: str, link: str, base_url: str) -> list[ActionView]:
    item, room = entry.notification, entry.me.room
    is_private = room.is_one_to_one
    match About(item.object_type):  # exhaustive: without a case for each kind of object, the type check fails here
        case About.CALL if room.call_started_at:
            label = "Answer call" if is_private else "Accept call" if room.is_phone_call else "Join call"
            return [ActionView(label, f"{page}#direct-call", primary=True)]
        case About.CALL:
            return [ActionView("Call back", page, primary=True) if is_private else ActionView("View chat", page)]
        case About.REMINDER:
            if entry.is_sensitive:  # the reminder's address contains the id of the message
                dismissal = f"apps/notifications/api/v2/notifications/{item.id}"
            else:
                dismissal = f"apps/spreed/api/v1/chat/{room.token}/{item.message_id}/reminder"
            dismiss = ActionView("Dismiss reminder", f"{base_url}/ocs/v2.php/{dismissal}", "DELETE")
            return [ActionView("View message", link, primary=True), dismiss]
        case About.RECORDING:
            address = f"{base_url}/ocs/v2.php/apps/spreed/api/v1/recording/{room.token}"
            dismiss = ActionView(
                "Dismiss notification", f"{address}/notification?timestamp={item.created_at}", "DELETE"
            )
            file_id = item.details.rpartition("/")[0]
            if not file_id or entry.is_sensitive:
                return [dismiss]
            link = f"{address}/share-chat?fileId={file_id}&timestamp={item.created_at}"
            return [ActionView("Share to chat", link, "POST", primary=True), dismiss]
        case About.ROOM if room.call_started_at:
            return [ActionView("Join call", f"{page}#direct-call", primary=True)]
        case About.ROOM | About.CHAT:
            return [ActionView("View chat", link)]
