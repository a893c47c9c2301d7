"""Finding what was said, and conversations by name."""
