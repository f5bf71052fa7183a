"""Push: messages for devices, sent through channels, each with one final outcome."""
