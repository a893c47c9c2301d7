"""Mail: the outbox, and sending the mails in it."""
