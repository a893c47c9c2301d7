"""Attendees of rooms.

- `service.py`: add and remove them.
- `attendee_service.py`: list and find them, and change their role, preferences and name.

The HTTP operations are in `areas/membership`.
"""
