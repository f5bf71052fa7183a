"""Scheduled worker that takes up again what the contact policy put off."""
