"""Notifications: what users missed.

- `effects.py` says which events create and delete notifications.
- `delivery_service.py` creates them: those of messages a moment after the messages were posted, all others in the
  transaction of the event.
- `outbox.py` creates those of messages, in transactions of its own, and `messenger.py` remembers for which rooms.
- `service.py` lists and dismisses them; `view.py` has their texts.

To add a kind of notification:

1. `model.Subject`: a member for the kind. `model.About`: one more, if clients need a new `object_type`.
2. `delivery_store.py`: a statement that inserts the notification for the users concerned; `delivery_service.py`: the
   function that runs it and emits `Notified`.
3. `effects.REACTIONS`: the event that calls this function, and the events after which the notification goes away.
4. `view._WORDINGS`: the texts. The import fails while one is missing.
5. `docs/api/notifications.md` and a test in `tests/areas/test_notifications.py`.
"""
