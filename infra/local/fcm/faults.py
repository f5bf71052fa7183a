"""Which messages the stand-in fails, and how: by address, or by a seeded rate per attempt."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from itertools import accumulate
from typing import Any, Self

from infra.local.fcm import answers
from infra.local.fcm.answers import Answer

MAX_REMEMBERED_ATTEMPTS = 200_000


class Fault(StrEnum):
    """A way to fail that FCM documents, or that networks have."""

    UNREGISTERED = "unregistered"
    INVALID_ADDRESS = "invalid-address"
    INVALID_PAYLOAD = "invalid-payload"
    SENDER_ID_MISMATCH = "sender-id-mismatch"
    THIRD_PARTY_AUTH_ERROR = "third-party-auth-error"
    QUOTA_EXCEEDED = "quota-exceeded"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"
    HANG = "hang"
    """The message is taken; no answer comes."""
    LOST_CONNECTION = "lost-connection"
    """The message is taken; the connection is reset before any answer of it gets out."""


BY_PREFIX: Mapping[str, Fault] = {f"{fault}-": fault for fault in Fault}
"""Unless a plan says otherwise, an address tells its own fate: ``unregistered-...`` is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """What goes wrong.

    ``addresses`` are exact and win over ``prefixes``, which win over ``rates`` (fault to share of
    the attempts, 0 to 1). An HTTP/2 connection takes ``goaway_every`` requests, then announces its
    end and ignores later ones (0: never). ``latency_ms`` passes before a message is answered.
    ``*_retry_after`` are texts of that header: seconds, an HTTP date, or ``None`` to leave it out.
    ``bearer_seconds`` is how long a bearer lives.
    """

    seed: int = 0
    rates: Mapping[Fault, float] = field(default_factory=dict)
    addresses: Mapping[str, Fault] = field(default_factory=dict)
    prefixes: Mapping[str, Fault] = field(default_factory=lambda: BY_PREFIX)
    goaway_every: int = 0
    latency_ms: float = 0
    quota_retry_after: str | None = "60"
    unavailable_retry_after: str | None = None
    bearer_seconds: int = 3599

    def __post_init__(self) -> None:
        if not all(0 <= rate <= 1 for rate in self.rates.values()) or sum(self.rates.values()) > 1:
            message = "rates are shares from 0 to 1, 1 at most together"
            raise ValueError(message)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a plan as ``as_json`` writes it; what is left out has its default.

        Raises:
            ValueError: a field or a fault is unknown, or a value is of the wrong type.
        """
        known = {part.name for part in fields(cls)}
        if not isinstance(value, dict) or not value.keys() <= known:
            message = f"a fault plan is an object with fields of {sorted(known)}"
            raise ValueError(message)
        parts = dict(value)
        try:
            for part in parts.keys() & {"addresses", "prefixes"}:
                parts[part] = {text: Fault(name) for text, name in parts[part].items()}
            rates = {Fault(name): float(rate) for name, rate in parts.pop("rates", {}).items()}
            return cls(**parts, rates=rates)
        except (AttributeError, TypeError) as wrong:
            message = f"a fault plan has a value of the wrong type: {wrong}"
            raise ValueError(message) from wrong

    def as_json(self) -> dict[str, Any]:
        """Return the plan in plain values."""
        return asdict(self)


class Faults:
    """Decides each attempt's fate.

    A draw depends on the seed, the message and the number of its attempt, never on the order in
    which messages arrive: the same run fails the same way however its requests interleave.
    """

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._starts = tuple(plan.prefixes)
        self._thresholds = [*zip(accumulate(plan.rates.values()), plan.rates, strict=True)]
        self._attempts: dict[bytes, int] = {}

    def fault_of(self, address: str, body: bytes) -> Fault | None:
        """Return how this attempt fails, or ``None``."""
        exact = self.plan.addresses.get(address)
        if exact is not None:
            return exact
        if address.startswith(self._starts):
            return next(
                fault for start, fault in self.plan.prefixes.items() if address.startswith(start)
            )
        return self._draw(body) if self._thresholds else None

    def answer_of(self, fault: Fault) -> Answer:
        """Return what FCM says, or does, when it fails this way."""
        return _ANSWERS[fault](self.plan)

    def _draw(self, body: bytes) -> Fault | None:
        message = hashlib.blake2b(body, digest_size=8).digest()
        attempt = self._attempts.pop(message, 0) + 1
        self._attempts[message] = attempt
        if len(self._attempts) > MAX_REMEMBERED_ATTEMPTS:
            del self._attempts[next(iter(self._attempts))]
        text = b"%d/%d/%s" % (self.plan.seed, attempt, message)
        chance = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) / 2**64
        return next((fault for limit, fault in self._thresholds if chance < limit), None)


_INVALID_PAYLOAD = [answers.Violation("message.data[0].key", "Invalid data payload key: from")]

_ANSWERS: Mapping[Fault, Callable[[FaultPlan], Answer]] = {
    Fault.UNREGISTERED: lambda _: answers.unregistered(),
    Fault.INVALID_ADDRESS: lambda _: answers.invalid_address(),
    Fault.INVALID_PAYLOAD: lambda _: answers.invalid(_INVALID_PAYLOAD),
    Fault.SENDER_ID_MISMATCH: lambda _: answers.sender_id_mismatch(),
    Fault.THIRD_PARTY_AUTH_ERROR: lambda _: answers.third_party_auth_error(),
    Fault.QUOTA_EXCEEDED: lambda plan: answers.quota_exceeded(plan.quota_retry_after),
    Fault.UNAVAILABLE: lambda plan: answers.unavailable(plan.unavailable_retry_after),
    Fault.INTERNAL: lambda _: answers.internal(),
    Fault.HANG: lambda _: answers.HANG,
    Fault.LOST_CONNECTION: lambda _: answers.CUT,
}

ACCEPTED_YET_SILENT = frozenset({Fault.HANG, Fault.LOST_CONNECTION})
"""The device would get these messages although the sender never learns so."""
