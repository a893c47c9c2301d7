"""Who belongs to a conversation, and as what."""
