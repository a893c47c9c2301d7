"""What a room, an attendee, a session and a message are: structs, pure rules about them, and their statements."""
