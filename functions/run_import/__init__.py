"""Queue worker that imports files of devices, contacts and members of lists."""
