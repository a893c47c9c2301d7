"""Bans from rooms: of users, guests, IP addresses and networks."""
