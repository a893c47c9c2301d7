"""What processes tell each other: events over the bus, and events and messages that are stored for the others."""
