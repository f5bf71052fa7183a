"""Queue worker that imports files of devices, contacts, members of lists and touches."""
