"""What ours is compared with, written the way it is commonly written."""
