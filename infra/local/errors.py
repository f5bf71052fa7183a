"""What stands in the way on this machine, said so that a person can act on it."""


class LocalStackError(Exception):
    """Something here must change before the command can succeed; ``fix`` says what."""

    def __init__(self, fact: str, *, fix: str) -> None:
        super().__init__(fact)
        self.fact = fact
        self.fix = fix
