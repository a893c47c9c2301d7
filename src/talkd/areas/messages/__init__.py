"""Messages: send them, read them back, and show them to one reader.

- `service.py`: send and load messages.
- `effects.py`: the system messages that events post.
- `view.py`: a message as JSON; `system_texts.py`: the texts of system messages.

Unread counts are not stored: `areas/overviews/store.py` counts the messages after the read marker. Mention marks come
from `areas/mentions`.
"""
