"""The columns of the tables `rooms`, `attendees` and `sessions` that are read together, as structs.

`schema.py` makes the columns from the fields. `conversation/room.py` and `conversation/participant.py` add the rules.
"""

import msgspec


class RoomRow(msgspec.Struct, frozen=True):
    """Columns of the table `rooms`."""

    id: int
    token: str
    type: int
    name: str
    description: str
    object_type: str
    object_id: str
    user_a: str | None
    user_b: str | None
    """`user_a` < `user_b` are the users of a one-to-one room, also if one of them has left it."""
    password_hash: str
    read_only: int
    listable: int
    lobby_state: int
    lobby_timer: int
    sip_enabled: int
    default_permissions: int
    call_permissions: int
    message_expiration: int
    mention_permissions: int
    recording_consent: int
    call_recording: int
    breakout_mode: int
    breakout_status: int
    avatar: str
    avatar_version: int
    last_activity: int
    last_message_id: int
    call_started_at: int
    """0 if there is no call."""
    call_flag: int
    """Union of the flags with which sessions joined the call."""
    notified_id: int
    """Messages up to this one have created their notifications."""
    standing: int
    """Counts the changes of what attendees may do in the room, such as removals."""


class AttendeeRow(msgspec.Struct, frozen=True):
    """Columns of the table `attendees`."""

    room_id: int
    id: int
    actor_type: str
    actor_id: str
    display_name: str
    type: int
    permissions: int
    favorite: int
    notification_level: int
    notification_calls: int
    archived: int
    important: int
    sensitive: int
    last_read: int
    last_mention: int
    last_mention_direct: int
    read_privacy: int
    access_token: str
    invited_address: str
    """E-mail address that the person was invited by, or empty. Shown if `Participant.can_see_addresses`."""
    pin: str
    phone_number: str
    call_id: str
    in_call_since: int
    """When the attendee last joined a call; 0 for never."""
    notified: int
    """1 if the attendee may have unseen notifications of messages in the room."""


class SessionRow(msgspec.Struct, frozen=True):
    """Columns of the table `sessions`."""

    room_id: int
    id: int
    attendee_id: int
    session_id: str
    browser: str
    """Fingerprint of the HTTP session cookie."""
    in_call: int
    state: int
    last_ping: int
