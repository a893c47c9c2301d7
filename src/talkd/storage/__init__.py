"""How we persist; knows no feature."""
