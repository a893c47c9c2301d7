"""Settings that administrators change while the server runs, preferences of users, and facts of the installation."""
