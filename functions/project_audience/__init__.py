"""Queue worker that copies to device rows what segments ask about the people who use them."""
