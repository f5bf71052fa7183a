"""The rules of apps, devices and contacts; no I/O, and time comes in as an argument."""
