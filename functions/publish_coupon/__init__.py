"""Queue worker that gives a coupon to many people."""
