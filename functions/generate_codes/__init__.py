"""Queue worker that makes codes of coupons, and takes in those that come in files."""
