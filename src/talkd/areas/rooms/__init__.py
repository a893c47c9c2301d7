"""Conversations and their settings."""
