"""Rooms: list, create and delete them, change their settings, add and remove members."""
