"""Saying something in a room, naming people in it, and messages as clients read them."""
