"""Shared things, such as locations and cards: messages that show an object. Lists of what was shared in a room."""
