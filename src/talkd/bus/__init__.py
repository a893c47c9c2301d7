"""How the processes that serve one database tell each other what has changed (docs/adr/0017-several-processes.md)."""
