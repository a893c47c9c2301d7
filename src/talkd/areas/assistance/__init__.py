"""Summaries and translations."""
