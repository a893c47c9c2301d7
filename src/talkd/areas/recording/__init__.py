"""Recording calls."""
