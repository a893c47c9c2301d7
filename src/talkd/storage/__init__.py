"""Store data on SQLite or PostgreSQL. Knows no feature of talkd."""
