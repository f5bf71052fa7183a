"""The rules of coupons: what they give, to whom, when, how often, and together with what."""
