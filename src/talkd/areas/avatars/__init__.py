"""Pictures of accounts, guests and rooms."""
