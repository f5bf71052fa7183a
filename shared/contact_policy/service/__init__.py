"""What can be done under a contact policy; one method per use case."""
