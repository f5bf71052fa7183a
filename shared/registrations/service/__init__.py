"""What can be done with apps, devices and contacts; one method per use case."""
