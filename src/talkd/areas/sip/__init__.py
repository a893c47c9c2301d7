"""The bridge to the telephone network."""
