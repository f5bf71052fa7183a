"""Registrations: apps, the devices they run on, and the contacts behind them."""
