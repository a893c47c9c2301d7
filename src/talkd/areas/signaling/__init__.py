"""Signaling between the sessions of a call, through the server itself."""
