"""The operations on participants: list, add, remove, promote and demote them, and set the caller's preferences."""
