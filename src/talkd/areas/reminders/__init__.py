"""Being reminded of messages."""
