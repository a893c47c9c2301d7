"""Pictures of people and of conversations."""
