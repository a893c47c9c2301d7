"""Telling people what happened while they were not looking."""
