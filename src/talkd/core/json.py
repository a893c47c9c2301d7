"""JSON that clients and other servers have sent."""

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding raises for a text that is no JSON, has the wrong form or characters, or is nested too deeply.

`RecursionError` also comes with types that have no depth, since unknown fields are read to their end.
"""
