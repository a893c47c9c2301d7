"""Mail: the outbox, and sending what is in it."""
