"""Queue worker that files every event of the bus in the archive."""
