"""Questions with answers to choose from."""
