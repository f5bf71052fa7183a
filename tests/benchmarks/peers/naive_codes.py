"""Codes as most shops make them: letter by letter into a set, then one put after the other."""

from secrets import choice
from typing import Any

from shared.coupons.model.patterns import ALPHABET, DEFAULT_LENGTH


def draw(count: int) -> set[str]:
    """Return so many codes, all of them in memory."""
    codes: set[str] = set()
    while len(codes) < count:
        codes.add("".join(choice(ALPHABET) for _ in range(DEFAULT_LENGTH)))
    return codes


def as_file(codes: set[str]) -> bytes:
    """Return the codes as CSV."""
    return "\n".join(["code", *codes]).encode()


def put(client: Any, table: str, codes: set[str]) -> None:
    """Store the codes as they are, with no look at what is there."""
    for code in codes:
        client.put_item(TableName=table, Item={"pk": {"S": code}, "sk": {"S": "CODE"}})
