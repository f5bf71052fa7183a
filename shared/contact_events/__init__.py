"""Contact events: the ledger read as timelines, and relayed to the bus."""
