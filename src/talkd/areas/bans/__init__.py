"""Who may not come back into a conversation."""
