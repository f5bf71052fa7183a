"""Scheduled worker that counts the ledger by the hour, for reports on channels."""
