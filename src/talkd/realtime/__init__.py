"""How the world is woken: topics and changes, never data."""
