"""Scheduled worker that takes campaigns on: plans, releases what is due, ends what is over."""
