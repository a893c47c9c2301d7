"""What people show each other that is not text."""
