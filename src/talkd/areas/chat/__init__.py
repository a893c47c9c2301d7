"""The chat: reading, waiting for, sending and changing messages."""
