"""The endpoints about the people of a room: list, add, remove, promote, and what each chooses for themselves."""
