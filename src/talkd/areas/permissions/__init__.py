"""Who may do what in a conversation."""
