"""Shared things: messages that are not text."""
