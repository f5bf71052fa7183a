"""What can be done with messages: queue them, send them, hear what became of them."""
