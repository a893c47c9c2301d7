"""Previews of pictures that users send, and icons of other files."""
