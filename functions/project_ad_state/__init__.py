"""Queue worker that keeps what decisions about ads know of people."""
