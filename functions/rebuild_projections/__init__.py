"""Worker that makes projections again from the ledger, when somebody asks for it."""
