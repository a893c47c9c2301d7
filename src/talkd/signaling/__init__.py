"""Built-in signaling: the standalone signaling protocol over WebSocket, on the server's own port.

A client opens a socket (`websocket.py`), says hello (`hello.py`) and is a peer from then on (`peer.py`). Peers join
rooms (`joining.py`) and send each other messages (`relay.py`). What happens in rooms reaches them as events
(`announcing.py`). `registry.py` holds all of it, and `dispatch.py` is the table from message type to function.
"""
