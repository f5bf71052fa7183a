"""The doors: who is calling, how they prove it, and what a route lets them do."""
