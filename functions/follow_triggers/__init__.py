"""Queue worker that starts and cancels triggers, and does what they have our domains do."""
