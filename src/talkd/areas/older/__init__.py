"""API v1, v2 and v3, where their requests and answers differ from those of v4."""
