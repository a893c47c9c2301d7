"""The endpoints about accounts and groups."""
