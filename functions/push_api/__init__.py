"""HTTP API of push: messages now, and what devices report of them."""
