"""Ads in our own apps: slots, what is booked for them, what is shown, and what that counts."""
