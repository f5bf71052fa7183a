"""Queue worker that files what was decided about ads."""
