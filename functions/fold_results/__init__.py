"""Queue worker that marks what happens after the messages of campaigns."""
