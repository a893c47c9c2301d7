"""Deleting histories, rooms and the names of accounts, in portions that let other writers work in between."""
