"""Worker that compiles what is booked into what decisions are made from."""
