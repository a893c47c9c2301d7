"""Calls of rooms: who is in them and which of audio and video they send."""
