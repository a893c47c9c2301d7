"""Announcements: events that one process stores for the others."""
