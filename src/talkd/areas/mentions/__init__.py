"""Whom a message can name."""
