"""Notifications as JSON, in the form of the notifications API v2 (clients.md, 6)."""

from datetime import UTC, datetime

import msgspec

from talkd.areas.messages import view as messages
from talkd.areas.notifications.model import About, Entry, Listing, Subject
from talkd.conversation.message import Names, current_actor
from talkd.conversation.room import Room
from talkd.core.actor import DELETED_USERS, GROUPS, USERS, Actor
from talkd.core.constants import RoomType

Parameter = dict[str, str]
Parameters = dict[str, Parameter]


class ActionView(msgspec.Struct, frozen=True):
    """A button of a notification: a page to open (WEB), or a request to send."""

    label: str
    link: str
    type: str = "WEB"
    primary: bool = False


class NotificationView(msgspec.Struct, frozen=True):
    """A notification on the wire."""

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
    """All of them; links begin with `base_url`."""
    return [_notification(entry, listing.names, base_url) for entry in listing.entries]


def _notification(entry: Entry, names: Names, base_url: str) -> NotificationView:
    item, room = entry.notification, entry.me.room
    page = f"{base_url}/call/{room.token}"
    object_id, link = room.token, page
    parameters: Parameters = {}
    if entry.is_sensitive:
        subject = _sensitive_subject(entry)
    else:
        parameters = _parameters(entry, names, base_url, page)
        subject = _subject(entry, parameters)
        if item.message_id:
            object_id, link = f"{room.token}/{item.message_id}", f"{page}#message_{item.message_id}"
    text, references = _message(entry, names)
    return NotificationView(
        notification_id=item.id,
        app="spreed",
        user=item.user_id,
        datetime=datetime.fromtimestamp(item.created_at, UTC).isoformat(),
        object_type=item.object_type,
        object_id=object_id,
        subject=messages.plain_text(subject, parameters),
        message=messages.plain_text(text, references),
        link=link,
        subjectRich=subject,
        subjectRichParameters=parameters,
        messageRich=text,
        messageRichParameters=references,
        icon=f"{base_url}/static/logo.svg",
        shouldNotify=True,  # nobody can ask not to be disturbed here
        actions=_actions(entry, page, link, base_url),
    )


# --- the subject ----------------------------------------------------------------------------
_DELETED_USER = "A deleted user"
_MENTIONED_IN_PRIVATE = "mentioned you in a private conversation"
_IN_PRIVATE = {
    Subject.CHAT: "sent you a private message",
    Subject.REPLY: "replied to your private message",
    Subject.MENTION_DIRECT: _MENTIONED_IN_PRIVATE,
    Subject.MENTION_GROUP: _MENTIONED_IN_PRIVATE,
    Subject.MENTION_ALL: _MENTIONED_IN_PRIVATE,
    Subject.REACTION: "reacted with {reaction} to your private message",
}
_AMONG_MANY = {
    Subject.INVITATION: "invited you to a group conversation: {call}",
    Subject.CHAT: "sent a message in conversation {call}",
    Subject.REPLY: "replied to your message in conversation {call}",
    Subject.MENTION_DIRECT: "mentioned you in conversation {call}",
    Subject.MENTION_GROUP: "mentioned group {group} in conversation {call}",
    Subject.MENTION_ALL: "mentioned everyone in conversation {call}",
    Subject.REACTION: "reacted with {reaction} to your message in conversation {call}",
}
_MENTIONED_SENSITIVE = "Someone mentioned you in a private conversation"
_SENSITIVE = {
    Subject.INVITATION: "You were invited to a private conversation",
    Subject.CHAT: "You received a message in a private conversation",
    Subject.REPLY: "Notification in a private conversation",
    Subject.MENTION_DIRECT: _MENTIONED_SENSITIVE,
    Subject.MENTION_GROUP: _MENTIONED_SENSITIVE,
    Subject.MENTION_ALL: _MENTIONED_SENSITIVE,
    Subject.REACTION: "Someone reacted in a private conversation",
    Subject.REMINDER: "Reminder in a private conversation",
}


def _sensitive_subject(entry: Entry) -> str:
    """What happened, without who did it and where."""
    if entry.notification.subject == Subject.CALL:
        is_running = entry.me.room.call_started_at
        return f"{'A call has started' if is_running else 'You missed a call'} in a private conversation"
    return _SENSITIVE[Subject(entry.notification.subject)]


def _subject(entry: Entry, parameters: Parameters) -> str:
    item, room = entry.notification, entry.me.room
    if item.subject == Subject.CALL:
        return _call_subject(room)
    who = _who(entry, parameters)
    if item.subject == Subject.REMINDER:
        return _reminder_subject(entry, who)
    return f"{who} {(_IN_PRIVATE if room.is_one_to_one else _AMONG_MANY)[Subject(item.subject)]}"


def _reminder_subject(entry: Entry, who: str) -> str:
    item, room = entry.notification, entry.me.room
    is_own = item.actor_type == USERS and item.actor_id == item.user_id
    if is_own:
        who = "You"
    elif room.type == RoomType.ONE_TO_ONE_FORMER:
        who = _DELETED_USER
    elif room.type == RoomType.ONE_TO_ONE:  # the sender's name is the conversation's
        return f"Reminder: {who} in private conversation"
    return f"Reminder: {who} in {'private ' * room.is_one_to_one}conversation {{call}}"


def _call_subject(room: Room) -> str:
    """A call that is over was missed: whoever took part in it is told no more."""
    if room.is_one_to_one:
        return "{user} would like to talk with you" if room.call_started_at else "You missed a call from {user}"
    return "A group call has started in {call}" if room.call_started_at else "You missed a group call in {call}"


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
        "name": names.get((USERS, partner), partner or room.name) if room.is_one_to_one else room.name,
        "link": page,
        "call-type": messages.call_type(room),
        "icon-url": f"{base_url}{messages.avatar_path(room)}",
    }
    return found


# --- the message and what can be done ---------------------------------------------------------
def _message(entry: Entry, names: Names) -> tuple[str, Parameters]:
    """What was said, unless the reader has marked the conversation as sensitive."""
    if entry.message is None or entry.is_sensitive:
        return "", {}
    reader = Actor(USERS, entry.notification.user_id)
    shown = messages.message(entry.message, entry.me.room, reader, names)
    parameters = shown.messageParameters
    return shown.message, parameters if isinstance(parameters, dict) else {}


def _actions(entry: Entry, page: str, link: str, base_url: str) -> list[ActionView]:
    item, room = entry.notification, entry.me.room
    is_private = room.is_one_to_one
    if item.object_type == About.CALL:
        if room.call_started_at:
            label = "Answer call" if is_private else "Join call"
            return [ActionView(label, f"{page}#direct-call", primary=True)]
        return [ActionView("Call back", page, primary=True) if is_private else ActionView("View chat", page)]
    if item.object_type == About.REMINDER:
        if entry.is_sensitive:  # the address of the reminder would give the message's id away
            dismissal = f"apps/notifications/api/v2/notifications/{item.id}"
        else:
            dismissal = f"apps/spreed/api/v1/chat/{room.token}/{item.message_id}/reminder"
        dismiss = ActionView("Dismiss reminder", f"{base_url}/ocs/v2.php/{dismissal}", "DELETE")
        return [ActionView("View message", link, primary=True), dismiss]
    if item.object_type == About.ROOM and room.call_started_at:
        return [ActionView("Join call", f"{page}#direct-call", primary=True)]
    return [ActionView("View chat", link)]
