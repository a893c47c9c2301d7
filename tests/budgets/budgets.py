"""What the most frequent requests may cost. A change in either direction is written down here."""

STATEMENTS = {
    # what is done: statements on SQLite, and on PostgreSQL
    "post a message": (4, 2),
    "post a message with a mention": (5, 4),
    "react": (12, 12),
    "list 100 rooms": (2, 2),
    "get a room": (3, 3),
    "read the history": (6, 6),
    "poll and get a message": (4, 4),
    "poll and move the read marker": (4, 4),
    "mark as read": (6, 6),
    "join a room": (12, 12),
    "join a call": (13, 13),
}
"""SQL statements of one request by one client, without BEGIN and COMMIT."""

WAITING = 50
"""Clients that wait in the room of a message."""
DELIVERY = (7, 5)
"""Statements on SQLite and PostgreSQL from a message to the answers of all who wait."""
POLLING_AGAIN = (2.5, 1.5)
"""Most statements for each of these clients when all poll again at once, and move their read markers."""

CONNECTIONS = 500
IDLE_CONNECTION = 12_000
"""Most bytes of memory for each connection without a request."""
IDLE_SOCKET = 14_000
"""Most bytes of memory for each WebSocket whose client has said nothing."""

BUS_MESSAGES = 1
"""Messages over the bus to all processes for a message in a room."""
BUS_MESSAGES_OF_MARKERS = 2
"""Most messages over the bus when all who wait move their read markers in one moment."""
