"""Dialling in and out through a bridge to the telephone network."""
