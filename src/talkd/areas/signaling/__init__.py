"""Signaling: messages between the sessions of a call, passed on by this server."""
