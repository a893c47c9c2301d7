"""Accounts and groups, and the API that administers them."""
