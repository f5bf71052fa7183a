"""Seeded runs of the services on a virtual clock, with faults: what must never be, never is."""
