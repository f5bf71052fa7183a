"""HTTP API of coupons: what they promise, their codes and claims, and their use in orders."""
