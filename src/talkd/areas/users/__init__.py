"""Accounts and groups: their rules and passwords, and the search for people to invite."""
