"""Search messages, and rooms by name."""
