"""Mentions: who a text mentions, the marks that this leaves on attendees, and suggestions while somebody types.

- `service.py`: find the mentions of a text, and keep `last_mention` and `last_mention_direct` of attendees.
- `suggestion_service.py`: the attendees whom a client suggests after an @ was typed.
- `core/mentions.py` holds the grammar: which characters of a text are a mention.
"""
