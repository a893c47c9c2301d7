"""The settings that administrators change while the server runs."""
