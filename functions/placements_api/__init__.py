"""HTTP API of what marketers book: ads, what came of them, and why they were shown."""
