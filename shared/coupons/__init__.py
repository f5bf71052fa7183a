"""Coupons: what is promised, to whom, how often, and what becomes of each use."""
