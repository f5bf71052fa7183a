"""HTTP API by which devices ask for ads, and tell what became of them."""
