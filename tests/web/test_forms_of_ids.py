"""Addresses whose ids or tokens have no possible form lead nowhere: 404 at every operation, whoever asks."""
