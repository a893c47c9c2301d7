"""External signaling servers: what they ask talkd (`routes.py`, `callbacks.py`), and what talkd tells them.

`effects.py` notes what has happened in rooms, `notifier.py` sends it to the servers, and `bodies.py` has the form that
they expect.
"""
