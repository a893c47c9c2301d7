"""Metrics of the signaling server, for `/metrics`. The gauges are up to a second old."""

from prometheus_client import Counter, Gauge

from talkd.web.metrics import registry

_sockets = Gauge("talkd_signaling_sockets", "Open WebSockets.", registry=registry)
_peers = Gauge("talkd_signaling_peers", "Clients that are connected or may still resume.", registry=registry)
_rooms = Gauge("talkd_signaling_rooms", "Rooms that these clients are in.", registry=registry)
_messages = Counter("talkd_signaling_messages_total", "Messages from clients.", registry=registry)
refusals = Counter("talkd_signaling_refusals_total", "Refused messages by error code.", ("code",), registry=registry)
dropped = Counter("talkd_signaling_dropped_total", "Sockets whose clients read too slowly.", registry=registry)


def show(*, sockets: int, peers: int, rooms: int, received: int) -> None:
    """Show how many sockets, peers and rooms there are now, and count the messages since the last call."""
    _sockets.set(sockets)
    _peers.set(peers)
    _rooms.set(rooms)
    _messages.inc(received)
