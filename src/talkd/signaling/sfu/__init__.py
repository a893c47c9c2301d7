"""Media through an SFU: clients send each stream once, to a Janus gateway, and receive the others' streams from it.

`handler.py` handles what clients write about media. Each stream that a client sends is a `Publisher`, each stream that
a client receives a `Subscriber` (`streams.py`). Both speak to the gateway through `janus.py`.
"""
