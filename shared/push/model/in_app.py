"""What an app shows by itself: the rules are sent to devices, which judge when they hold."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TypeAlias

from shared.kernel.clock import whole_milliseconds
from shared.kernel.decisions import DEFAULT_PRIORITY
from shared.kernel.errors import FieldProblem
from shared.kernel.events import Purpose
from shared.push.errors import InAppInvalidError, InAppStateError
from shared.push.model.messages import ReceiptKind

MOST_ACTIVE = 25
"""In-app messages that devices of an app are told of."""

LARGEST_CONTENT = 8_192
"""Bytes of what is shown, as JSON: 25 of them are a page that a phone reads."""

RULES_HOLD = timedelta(hours=1)
"""For how long a device judges by what it was told."""

CLOCKS_APART = timedelta(days=1)
"""How far a device's clock may lie from ours and still be believed to tell its displays apart."""

Value: TypeAlias = str | int | float | bool


class Layout(StrEnum):
    """How much of the screen a message takes."""

    BANNER = "banner"
    MODAL = "modal"
    FULLSCREEN = "fullscreen"


class InAppState(StrEnum):
    """Where an in-app message stands."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"


_LEADS_TO: Mapping[InAppState, frozenset[InAppState]] = {
    InAppState.DRAFT: frozenset({InAppState.ACTIVE}),
    InAppState.ACTIVE: frozenset({InAppState.PAUSED}),
    InAppState.PAUSED: frozenset({InAppState.ACTIVE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppButton:
    """Something to tap; with neither ``url`` nor ``coupon_id`` it closes the message."""

    id: str
    title: str
    url: str | None = None
    coupon_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppContent:
    """What is shown; ``config`` reaches the app as it is."""

    layout: Layout
    title: str | None = None
    body: str | None = None
    image: str | None = None
    buttons: tuple[InAppButton, ...] = ()
    config: Mapping[str, str] = field(default_factory=dict)


class Comparison(StrEnum):
    """How an attribute of an event is held against values."""

    IN = "in"
    NOT_IN = "not_in"
    FROM = "from"
    TO = "to"
    EXISTS = "exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is asked of one attribute of the event's data.

    ``IN`` and ``NOT_IN`` have one value or more, ``FROM`` and ``TO`` one number, ``EXISTS`` none.
    An attribute that is not there passes ``NOT_IN`` alone.
    """

    attribute: str
    comparison: Comparison
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What a device waits for: an event of this type, or (``None``) the start of a session."""

    event: str | None = None
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How often a device shows the message at most; ``None``: as often as it is triggered.

    A day is one of the device's own calendar.
    """

    per_session: int | None = None
    per_day: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietTime:
    """When a device shows nothing, by its own clock; it may lie over midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppDraft:
    """What a marketer decides.

    Of several messages that the same event triggers the one of the highest ``priority`` is shown.
    """

    name: str
    content: InAppContent
    trigger: Trigger = Trigger()
    segment_id: str | None = None
    purpose: Purpose = Purpose.MARKETING
    topic: str | None = None
    offer_key: str | None = None
    priority: int = DEFAULT_PRIORITY
    caps: Caps = Caps()
    quiet_time: QuietTime | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def check(self) -> None:
        """Hold the draft against what devices can show.

        Raises:
            InAppInvalidError: some field is wrong; each is named.
        """
        problems = list(self._problems())
        if problems:
            raise InAppInvalidError("the message cannot be shown", fields=problems)

    def _problems(self) -> Iterator[FieldProblem]:
        yield from _content_problems(self.content)
        for at, one in enumerate(self.trigger.filters):
            if not _is_whole(one):
                yield _problem(f"/trigger/filters/{at}", "values", "not what is compared so")
        if self.trigger.filters and self.trigger.event is None:
            yield _problem("/trigger/filters", "session", "the start of a session has no data")
        if self.quiet_time and self.quiet_time.start == self.quiet_time.end:
            yield _problem("/quiet_time", "range", "it would never end")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            yield _problem("/ends_at", "order", "after its start")


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppMessage:
    """An in-app message as it is kept; ``version`` counts its writes, for compare and swap."""

    app_id: str
    in_app_id: str
    draft: InAppDraft
    state: InAppState = InAppState.DRAFT
    version: int = 1
    created_at: datetime
    updated_at: datetime

    def moved_to(self, state: InAppState, *, at: datetime) -> "InAppMessage":
        """Return the message in another state.

        Raises:
            InAppStateError: that state does not follow this one, or the message is over.
        """
        if state not in _LEADS_TO[self.state]:
            raise InAppStateError(f"it is {self.state}: it does not become {state}")
        if state is InAppState.ACTIVE and self.is_over(at):
            raise InAppStateError("its end is over")
        return replace(self, state=state, version=self.version + 1, updated_at=at)

    def is_over(self, at: datetime) -> bool:
        """Say whether the message is not shown any more, from an instant on."""
        return self.draft.ends_at is not None and self.draft.ends_at <= at


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppRule:
    """A message that a device may show; not before an instant where the policy puts it off."""

    message: InAppMessage
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppReceipt:
    """A device's word about one display of a message, at its own clock.

    ``display_id`` is a ULID that the device made when it showed it: the same in every receipt of
    that display, however often it is sent.
    """

    in_app_id: str
    display_id: str
    kind: ReceiptKind
    at: datetime


def place_of_display(made: datetime, message: InAppMessage, *, now: datetime) -> datetime:
    """Return the instant under which a display lies in the ledger: the same for every try.

    A device's clock may be anywhere: what lies before the message or in the future is filed under
    the message's own beginning.
    """
    began = whole_milliseconds(message.created_at)
    return made if began - CLOCKS_APART <= made <= now + CLOCKS_APART else began


def _content_problems(content: InAppContent) -> Iterator[FieldProblem]:
    if not (content.title or content.body or content.image):
        yield _problem("/content", "empty", "a message needs a title, a body or an image")
    if content.image and not content.image.startswith("https://"):
        yield _problem("/content/image", "scheme", "an https address")
    ids = [one.id for one in content.buttons]
    for at, one in enumerate(content.buttons):
        if one.id in ids[:at]:
            yield _problem(f"/content/buttons/{at}/id", "taken", "another button has it")
        if one.url and one.coupon_id:
            yield _problem(f"/content/buttons/{at}", "one_of", "either url or coupon_id")
    size = len(json.dumps(asdict(content), ensure_ascii=False).encode())
    if size > LARGEST_CONTENT:
        yield _problem("/content", "too_large", f"{size} bytes; at most {LARGEST_CONTENT}")


def _is_whole(asked: Filter) -> bool:
    match asked.comparison:
        case Comparison.EXISTS:
            return not asked.values
        case Comparison.FROM | Comparison.TO:
            return len(asked.values) == 1 and _is_number(asked.values[0])
        case Comparison.IN | Comparison.NOT_IN:
            return bool(asked.values)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _problem(pointer: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code=code, detail=detail)
