"""Notifications: what users missed.

- `effects.py` says which events create and delete notifications.
- `delivery_service.py` creates them: notifications of messages a moment after the messages were posted, all others in
  the transaction of the event.
- `outbox.py` runs the transactions that create notifications of messages, and `messenger.py` remembers in which rooms
  there are new messages.
- `service.py` lists and dismisses them; `view.py` has their texts.

To add a kind of notification:

1. `model.Subject`: a member for the kind. `model.About`: a member too, if clients need a new `object_type`.
2. `delivery_store.py`: a statement that inserts the notification for the users concerned; `delivery_service.py`: the
   function that runs it and emits `Notified`.
3. `effects.REACTIONS`: the event that calls this function, and the events after which the notification goes away.
4. `view._WORDINGS`: the texts. The import fails while one is missing.
5. `docs/api/notifications.md` and a test in `tests/areas/test_notifications.py`.
"""
