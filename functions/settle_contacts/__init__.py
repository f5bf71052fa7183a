"""Worker that settles what contacts left open: erasures, half-done merges, outdated keys."""
