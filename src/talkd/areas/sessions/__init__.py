"""Joins: one for each device that is in a conversation right now."""
