"""What can be done with coupons."""
