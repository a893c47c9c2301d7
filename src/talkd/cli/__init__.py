"""The command line: one file for each family of commands."""

INTERRUPTED = 130
"""Exit status of a command ended by Ctrl-C, as in shells."""
