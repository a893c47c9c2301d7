"""Inviting by e-mail: the personal way in, lists of addresses, and inviting once more."""
