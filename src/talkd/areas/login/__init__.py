"""Logging in: passwords, app passwords, browser sessions and the two login flows of apps."""
