"""Calls of rooms: who is in them and whether they send audio and video."""
