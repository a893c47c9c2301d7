"""Capabilities: what this server tells clients it can do, and `status.php`."""
