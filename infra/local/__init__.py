"""The local stack: everything the backend needs on a laptop, and nothing of AWS."""
