"""Scheduled worker that gives back what exact flights promised and nobody showed."""
