"""What can be done with the ledger: record into it, relay it, audit the relay, read timelines."""
