"""What is kept of what was read."""

import pytest

from shared.kernel.kept import Kept


class Source:
    def __init__(self) -> None:
        self.now, self.reads, self.fails = 0.0, 0, False

    def read(self, key: str) -> str:
        if self.fails:
            raise ConnectionError
        self.reads += 1
        self.now += 1
        return f"{key}{self.reads}"


def test_a_value_is_read_again_at_its_age_which_counts_from_before_the_reading() -> None:
    source = Source()
    kept = Kept(read=source.read, seconds=10, elapsed=lambda: source.now)
    assert kept.of("a") == "a1"
    source.now = 9.9
    assert [kept.of("a"), kept.of("b")] == ["a1", "b2"]
    source.now = 10
    assert [kept.of("a"), kept.of("b")] == ["a3", "b2"]


def test_what_cannot_be_read_is_not_kept_as_read() -> None:
    source = Source()
    kept = Kept(read=source.read, seconds=10, elapsed=lambda: source.now)
    kept.of("a")
    source.now, source.fails = 10, True
    with pytest.raises(ConnectionError):
        kept.of("a")
    source.fails = False
    assert kept.of("a") == "a2"


def test_what_is_forgotten_is_read_again() -> None:
    source = Source()
    kept = Kept(read=source.read, seconds=10, elapsed=lambda: source.now)
    kept.of("a")
    kept.forget("a")
    assert kept.of("a") == "a2"
