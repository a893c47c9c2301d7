"""Capabilities: the features that this server offers to clients, and `status.php`."""
