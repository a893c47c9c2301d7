"""Permissions of attendees."""
