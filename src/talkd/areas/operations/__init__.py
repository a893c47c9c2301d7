"""Health and metrics of the server, for administrators."""
