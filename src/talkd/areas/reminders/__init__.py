"""Reminders: notifications about a message, at a time that the user chose."""
