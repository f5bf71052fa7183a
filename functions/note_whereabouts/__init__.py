"""Queue worker that notes where people are, from what their devices and numbers tell."""
