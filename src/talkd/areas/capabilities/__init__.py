"""What this server can do, announced to clients."""
