"""Accounts, groups and suggestions of people to invite, over HTTP."""
