"""What the original documents of the API promise, line by line, each with the check that proves it."""

from seeds.rows import Row

SEEDS: dict[str, tuple[str, tuple[Row, ...]]] = {}
"""Title and rows of each document, in the order of its lines."""
