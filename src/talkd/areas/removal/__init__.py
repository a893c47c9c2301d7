"""Deleting what grows with the history, in portions that let others in."""
