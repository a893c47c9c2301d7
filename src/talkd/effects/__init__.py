"""What follows from an event: one file for each kind of consequence."""
