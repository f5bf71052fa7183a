"""HTTP API of contact events: the timeline."""
