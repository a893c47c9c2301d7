"""Wake requests that wait for something: topics and changes, without data."""
