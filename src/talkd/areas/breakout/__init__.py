"""Breakout rooms: parts of a conversation for smaller groups, for a while."""
