"""Worker that sends events to subscriptions: what the bus brings, and what is due again."""
