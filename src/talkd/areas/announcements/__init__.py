"""What one process tells the others."""
