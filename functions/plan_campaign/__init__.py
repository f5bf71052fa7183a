"""Queue worker that plans campaigns, a shard of the audience at a time."""
