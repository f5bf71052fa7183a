"""Scheduled worker that ends what nobody ends: reservations, claims, tickets; and reminds."""
