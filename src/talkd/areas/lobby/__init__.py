"""The waiting room in front of a conversation."""
