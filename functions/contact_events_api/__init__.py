"""HTTP API of contact events: timelines, every wire on which events come in, and reports."""
