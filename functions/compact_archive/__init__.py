"""Scheduled worker that keeps the archive: few files, all events, nobody who was erased."""
