"""What API v1, v2 and v3 ask and are answered where it differs from today."""
