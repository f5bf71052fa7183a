"""Scheduled worker that fires the triggers that are due."""
