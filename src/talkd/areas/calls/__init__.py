"""Calls: who is in one, with what."""
