"""Backups, and copies from one database to another: rows of both databases in one neutral form (docs/adr/0018)."""
