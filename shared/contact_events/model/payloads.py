"""What a vendor sends, and by what its sender is believed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One request of a vendor, or one event of its bus.

    ``body`` is the request's body byte by byte, or what was parsed before: EventBridge hands JSON
    to a function, not bytes. ``headers`` have lower-case names. ``url`` is the whole public one,
    its query as it came: some vendors sign it.
    """

    body: bytes | Mapping[str, Any]
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """By what an app believes a vendor.

    ``secrets`` are the vendor's, or its public keys: two while one is changed. ``topics`` are the
    SNS topics, by ARN, that may speak to the app. ``certificate_of`` fetches the PEM certificate at
    a URL; it is asked only for URLs of Amazon's.
    """

    secrets: Sequence[str] = ()
    topics: Sequence[str] = ()
    certificate_of: Callable[[str], bytes] | None = None
