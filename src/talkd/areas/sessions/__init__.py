"""Sessions: one for each device that has a room open."""
