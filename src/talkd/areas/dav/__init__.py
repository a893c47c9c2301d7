"""Folders and files over WebDAV, as the apps, rclone and file managers use them."""
