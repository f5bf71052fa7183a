"""What the platform itself may refuse; here, so that naming it does not load what raises it."""


class ContendedError(Exception):
    """Other transactions held the same items through every attempt; nothing was written."""
