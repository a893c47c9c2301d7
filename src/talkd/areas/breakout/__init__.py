"""Breakout rooms."""
