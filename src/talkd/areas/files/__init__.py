"""Folders and files of users: names, contents, quotas. What is shared in rooms is in `attachments`."""
