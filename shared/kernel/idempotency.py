"""A request that may come twice, and must act once."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from shared.kernel.errors import DomainError, Fault

KEPT = timedelta(days=30)
"""How long a key is remembered: as long as the longest of the field (OneSignal's 30 days)."""


class IdempotencyKeyReusedError(DomainError):
    """This Idempotency-Key was used before, for another request."""

    code = "idempotency_key_reused"
    fault = Fault.INVALID


class IdempotencyKeyMissingError(DomainError):
    """This request needs an Idempotency-Key: a retry without one would do it twice."""

    code = "idempotency_key_missing"
    fault = Fault.MALFORMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a request: who, their key, and a fingerprint of what they ask."""

    caller: str
    key: str
    fingerprint: str

    @property
    def id(self) -> str:
        """Return the name under which the attempt is remembered; keys of two callers differ."""
        return sha256(f"{self.caller}\0{self.key}".encode()).hexdigest()

    def check(self, fingerprint: str) -> None:
        """Hold the attempt against the fingerprint remembered for its key.

        Raises:
            IdempotencyKeyReusedError: it was another request.
        """
        if fingerprint != self.fingerprint:
            raise IdempotencyKeyReusedError("use a new Idempotency-Key for another request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is kept for a key: the fingerprint of its request and what came of it."""

    fingerprint: str
    result: str
