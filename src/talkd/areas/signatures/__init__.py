"""Signed requests of other parts of the installation, each of which is obeyed once."""
