"""The lobby of rooms."""
