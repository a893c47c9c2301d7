"""A room as one of its attendees sees it."""
