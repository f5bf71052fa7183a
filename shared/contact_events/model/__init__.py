"""The rules of the ledger; no I/O, and time comes in as an argument."""
