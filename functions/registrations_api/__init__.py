"""HTTP API of apps, devices and contacts."""
