"""Files in conversations: who may read them, the messages that show them, and the doors through which clients share."""
