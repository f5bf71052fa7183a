"""Words that every domain shares: ids, time, errors, events, principals; standard library only."""
