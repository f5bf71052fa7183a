"""What can be done with ads and their slots."""
