"""What FCM's stand-in was given, as a test and the demo ask it."""

import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import httpx


def standin_client(facts: Mapping[str, Any]) -> httpx.Client:
    """Return a client of the stand-in; ``facts`` are what ``engage up`` says of it."""
    trust = ssl.create_default_context(cafile=facts["ca"])
    return httpx.Client(base_url=facts["endpoint"], verify=trust, timeout=30)


def attempts(client: httpx.Client, **only: str) -> Iterator[Mapping[str, Any]]:
    """Yield every attempt to reach a device, oldest first, page by page.

    Args:
        client: One of ``standin_client``.
        only: ``project`` and ``address``, where others do not matter.

    Raises:
        httpx.HTTPError: the stand-in does not answer, or refuses the question.
    """
    after: int | None = 0
    while after is not None:
        asked = {**only, "after": str(after)}
        page = client.get("/_standin/messages", params=asked).raise_for_status().json()
        yield from page["messages"]
        after = page["next_after"]


def accepted(client: httpx.Client, **only: str) -> Iterator[Mapping[str, Any]]:
    """Yield the attempts that the stand-in took, as ``attempts`` does."""
    return (one for one in attempts(client, **only) if one["outcome"] == "sent")


def message_id_of(attempt: Mapping[str, Any]) -> str:
    """Return the id that we gave a message; the app finds it in the message's data."""
    return str(attempt["body"]["message"].get("data", {}).get("message_id"))
