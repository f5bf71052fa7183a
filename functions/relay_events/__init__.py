"""Stream worker that publishes committed events, and audits by the hour that none was forgotten."""
