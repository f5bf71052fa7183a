"""What the coupons domain needs from outside."""
