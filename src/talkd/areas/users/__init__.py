"""Accounts and groups: their rules, their passwords, and searching for people to invite."""
