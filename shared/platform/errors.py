"""What the platform itself may refuse; here, so that naming it does not load what raises it."""


class ContendedError(Exception):
    """Others held the same items through every attempt; what it names was not written."""


class StatementFailedError(Exception):
    """DynamoDB neither did a statement nor refused it by its condition; it says why."""
