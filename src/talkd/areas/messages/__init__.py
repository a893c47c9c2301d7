"""Messages: send them, read them back, and show them to one reader.

- `service.py`: send and load messages.
- `view.py`: a message as JSON; `system_texts.py`: the texts of system messages.
"""
