"""How much is removed at once."""

PORTION = 500
"""Rows deleted or changed in one transaction at most: others wait some 30 ms for it."""
LOOKED_AT = 5_000
"""Messages looked at in one transaction at most, to find those that name a deleted account."""
