"""Opening untrusted pictures, sounds and films, in a process of its own with limits."""
