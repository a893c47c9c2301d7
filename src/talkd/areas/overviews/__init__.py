"""Rooms as their attendees see them."""
