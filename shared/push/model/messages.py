"""What a device is told, and what became of it."""

import json
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.kernel.addresses import Address
from shared.kernel.decisions import DEFAULT_PRIORITY
from shared.kernel.errors import FieldProblem
from shared.kernel.events import Purpose
from shared.kernel.ids import is_ulid


class Priority(StrEnum):
    """How urgently FCM wakes a device."""

    NORMAL = "normal"
    HIGH = "high"


class InterruptionLevel(StrEnum):
    """How much an alert may interrupt, in the words of Apple's ``aps`` dictionary."""

    PASSIVE = "passive"
    ACTIVE = "active"
    TIME_SENSITIVE = "time-sensitive"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apns:
    """What only Apple's devices need; ``None`` leaves it to the app.

    ``badge`` is the number on the app's icon, 0 takes it away. ``category`` names the buttons that
    the app registered. ``thread_id`` groups alerts.
    """

    sound: str | None = None
    badge: int | None = None
    category: str | None = None
    thread_id: str | None = None
    interruption_level: InterruptionLevel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something to tap beside the message; without a ``link`` the app knows it by its ``id``."""

    id: str
    title: str
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a device shows or handles; without ``title`` and ``body`` it is data only.

    ``time_to_live`` is how long FCM keeps the message for a device that is offline (at most
    28 days). ``collapse_key`` lets a newer message replace this one while both wait.
    ``link`` is opened on tap. ``data`` reaches the app as it is, and ``buttons`` beside it, as
    JSON: FCM knows none. ``channel_id`` is Android's notification channel.
    """

    title: str | None = None
    body: str | None = None
    image: str | None = None
    link: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    priority: Priority = Priority.HIGH
    time_to_live: timedelta | None = None
    collapse_key: str | None = None
    buttons: tuple[Button, ...] = ()
    channel_id: str | None = None
    apns: Apns = Apns()

    @property
    def buttons_text(self) -> str | None:
        """Return the buttons as the app gets them, a JSON array; ``None`` where there are none."""
        if not self.buttons:
            return None
        plain = [asdict(button) for button in self.buttons]
        return json.dumps(plain, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message on its way to one address.

    ``message_id`` is also the notification's tag and APNs collapse id: a repeated delivery
    replaces the first on the screen.
    """

    message_id: str
    address: Address
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrendered:
    """Why a recipient has no message: ``too_large:de``, say, of what is German."""

    reason: str


class Outcome(StrEnum):
    """What a channel did with a delivery."""

    SENT = "sent"
    ADDRESS_GONE = "address_gone"
    """The address is dead: remove exactly this one."""
    REJECTED = "rejected"
    """It will never be accepted as it is."""
    RETRY = "retry"
    """It was not accepted now; certainly not sent."""
    UNKNOWN = "unknown"
    """The answer was lost: it may have been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """One outcome; ``code`` is the channel's own word for it, ``retry_after`` its wish."""

    outcome: Outcome
    code: str | None = None
    detail: str | None = None
    retry_after: timedelta | None = None
    provider_id: str | None = None


LARGEST_PAYLOAD = 4_096
"""Bytes of what a message carries (FCM: https://firebase.google.com/docs/cloud-messaging)."""

LONGEST_TIME_TO_LIVE = timedelta(days=28)
"""FCM keeps a message at most 2,419,200 s."""

_RESERVED_KEYS = frozenset(
    {"from", "message_type", "collapse_key", "message_id", "link", "buttons"}
)
_RESERVED_PREFIXES = ("google.", "google_", "gcm.", "gcm_")
_ADDED_BYTES = 96
"""The message id, and the names of the fields around it."""


def content_problems(content: Content, *, at: str = "/content") -> list[FieldProblem]:
    """Return what FCM would refuse, or our clients could not read, about a content.

    ``at`` is the JSON pointer to the content.
    """
    problems = []
    if not (content.title or content.body or content.data):
        problems.append(_problem(at, "empty", "a message needs a title, a body or data"))
    problems += [
        _problem(f"{at}/data/{key}", "reserved", "FCM or this service uses it")
        for key in content.data
        if key.lower() in _RESERVED_KEYS or key.lower().startswith(_RESERVED_PREFIXES)
    ]
    if content.time_to_live is not None and not (
        timedelta() <= content.time_to_live <= LONGEST_TIME_TO_LIVE
    ):
        problems.append(_problem(f"{at}/ttl_seconds", "range", "0 to 2419200 seconds"))
    if content.image and not content.image.startswith("https://"):
        problems.append(_problem(f"{at}/image", "scheme", "an https address"))
    size = payload_bytes(content)
    if size > LARGEST_PAYLOAD:
        problems.append(_problem(at, "too_large", f"{size} bytes; FCM carries {LARGEST_PAYLOAD}"))
    return problems


def payload_bytes(content: Content) -> int:
    """Return about how many bytes FCM counts: the texts, the data, and what we add."""
    apns = content.apns
    texts = (
        *(content.title, content.body, content.image, content.link, content.collapse_key),
        *(content.buttons_text, content.channel_id),
        *(apns.sound, apns.category, apns.thread_id, apns.interruption_level),
    )
    carried = sum(len(text.encode()) for text in texts if text)
    data = sum(len(key.encode()) + len(value.encode()) for key, value in content.data.items())
    return carried + data + _ADDED_BYTES


def _problem(pointer: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code=code, detail=detail)


class State(StrEnum):
    """Where a message stands; every one ends in one of the states after ``PENDING``."""

    PENDING = "pending"
    TRYING = "trying"
    """Pending, and being sent right now."""
    AMBIGUOUS = "ambiguous"
    """Pending, after an answer of FCM was lost: it may have been sent."""
    SENT = "sent"
    INVALID = "invalid"
    """The address was dead; it was removed."""
    SKIPPED = "skipped"
    HELD_OUT = "held_out"
    """The person is in a control group: not told, so that the effect of telling shows."""
    EXPIRED = "expired"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It may have been sent, and was not tried again."""
    DEFERRED = "deferred"
    """Of a rehearsal alone: it would wait first."""

    @property
    def is_final(self) -> bool:
        """Say whether the message stays here."""
        return self not in {State.PENDING, State.TRYING, State.AMBIGUOUS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One device that is to be told, and the contact that was known on it when it was chosen.

    ``variant`` is the campaign's text for them.
    """

    device_id: str
    contact_id: str
    variant: str | None = None


NOBODY = Recipient(device_id="", contact_id="")
"""Stands where an erased person was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the contact policy needs to know of messages, besides why they are sent.

    ``topic`` is what a person may have switched off. ``offer_key`` names what is told: the same
    offer on another channel has the same key. ``priority`` goes from 0 to 100. Of a campaign,
    ``holdout_percent`` of the people are not told.
    """

    topic: str | None = None
    offer_key: str | None = None
    priority: int = DEFAULT_PRIORITY
    campaign_id: str | None = None
    holdout_percent: float = 0


class DeliveryMode(StrEnum):
    """What is done where FCM's answer was lost."""

    AT_LEAST_ONCE = "at_least_once"
    """Sent again, flagged ambiguous; on the screen it replaces the first."""
    AT_MOST_ONCE = "at_most_once"
    """Not sent again: its end is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Of which run of a campaign a chunk is a part; what is rehearsed reaches nobody.

    A throttled chunk is worked on only when it was released.
    """

    campaign_id: str
    run_id: str
    is_rehearsal: bool = False
    delivery: DeliveryMode = DeliveryMode.AT_LEAST_ONCE
    is_throttled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """That a copy of what is pushed stays in each person's inbox, for so long.

    ``order_at`` is its place among the others there: the same for all chunks of a campaign.
    """

    kept_for: timedelta
    order_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Messages that are sent together: of one content, or, in a campaign, rendered for each.

    Only a part of a campaign has no ``content``.

    The ``index``-th recipient's message is ``message_id(index)`` and stands in ``states[index]``.
    ``unreached`` are the places of addressees without a device. ``turn`` counts the leases that
    were taken on the chunk; ``was_dropped`` says that the last holder vanished without giving its
    lease back. Nothing is sent from ``send_until`` on. With a ``copy`` what is sent stays in the
    inbox, too. ``reasons`` say why messages stand where they do, as far as there is something to
    say.
    """

    app_id: str
    chunk_id: str
    content: Content | None
    purpose: Purpose
    terms: Terms = Terms()
    recipients: tuple[Recipient, ...]
    states: tuple[State, ...]
    unreached: tuple[int, ...] = ()
    planned_at: datetime
    send_until: datetime
    turn: int = 0
    was_dropped: bool = False
    part: Part | None = None
    copy: Copy | None = None
    reasons: Mapping[int, str] = field(default_factory=dict)

    def message_id(self, index: int) -> str:
        """Return the id of a recipient's message: what the device sees and reports back."""
        return f"msg_{self.chunk_id}_{index}"

    @property
    def is_rehearsal(self) -> bool:
        """Say whether nobody is to be reached."""
        return self.part is not None and self.part.is_rehearsal

    @property
    def delivery(self) -> DeliveryMode:
        """Return what is done where an answer was lost; what is no campaign's is sent again."""
        return self.part.delivery if self.part else DeliveryMode.AT_LEAST_ONCE

    @property
    def pending(self) -> tuple[int, ...]:
        """Return which messages have no final state yet."""
        return tuple(at for at, state in enumerate(self.states) if not state.is_final)

    @property
    def tally(self) -> Mapping[State, int]:
        """Return how many messages stand where; the sum is the number of recipients."""
        return Counter(self.states)

    def without(self, contact_ids: Container[str]) -> "Chunk":
        """Return the chunk when nobody can tell any more that it was for these contacts.

        The variants stay: the books count by them.
        """
        return replace(
            self,
            recipients=tuple(
                replace(NOBODY, variant=one.variant) if one.contact_id in contact_ids else one
                for one in self.recipients
            ),
        )

    def with_states(
        self, changed: Mapping[int, State], *, reasons: Mapping[int, str] | None = None
    ) -> "Chunk":
        """Return the chunk with some messages moved on, and why."""
        states = tuple(changed.get(at, state) for at, state in enumerate(self.states))
        return replace(self, states=states, reasons={**self.reasons, **(reasons or {})})


def place_of_message(message_id: str) -> tuple[str, int] | None:
    """Return the chunk and index of a message id, or ``None``: it is none of ours."""
    match message_id.split("_"):
        case ["msg", chunk_id, index] if is_ulid(chunk_id) and index.isdecimal():
            return chunk_id, int(index)
    return None


class ReceiptKind(StrEnum):
    """What a device says became of a message."""

    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    CONVERTED = "converted"
    DISPLAYED = "displayed"
    """Of what is shown in the app alone, as is the next."""
    DISMISSED = "dismissed"

    @property
    def is_of_push(self) -> bool:
        """Say whether a push may be reported so."""
        return self not in {ReceiptKind.DISPLAYED, ReceiptKind.DISMISSED}

    @property
    def is_of_in_app(self) -> bool:
        """Say whether what is shown in the app may be reported so."""
        return self not in {ReceiptKind.DELIVERED, ReceiptKind.OPENED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One device's word about one message, at the device's clock."""

    message_id: str
    kind: ReceiptKind
    at: datetime
