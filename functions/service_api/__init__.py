"""HTTP API of the service itself: health, versions, what problems mean, and what has no route."""
