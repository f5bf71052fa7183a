"""Stream worker that counts what became of ads."""
