"""Rooms as their attendees see them, for the room list and for one room.

One statement in `store.py` reads them, with unread counts, unread mentions and the last message. Unread counts are not
stored: the statement counts the messages after the attendee's read marker.
"""
