"""In-app messages, on the wire."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, time
from typing import Annotated, Self, TypeAlias

from pydantic import Field

from functions.push_api.schemas import DataKey, Link, Text, Topic
from shared.kernel.decisions import DEFAULT_PRIORITY
from shared.kernel.events import Purpose
from shared.kernel.paging import Page, cursor_of
from shared.platform.http.schemas import In, Instant, Out
from shared.push.model.in_app import (
    Caps,
    Comparison,
    Filter,
    InAppButton,
    InAppContent,
    InAppDraft,
    InAppMessage,
    InAppRule,
    InAppState,
    Layout,
    QuietTime,
    Trigger,
)
from shared.push.service.in_app import DeviceRules

Count: TypeAlias = Annotated[int, Field(ge=1, le=1_000)]
Clock: TypeAlias = Annotated[
    str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["21:00"])
]
Scalar: TypeAlias = Annotated[str, Field(max_length=256)] | bool | int | float


class InAppButtonIn(In):
    """Something to tap; with neither `url` nor `coupon_id` it closes the message."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    title: Annotated[str, Field(min_length=1, max_length=64)]
    url: Link | None = None
    coupon_id: Annotated[str, Field(pattern=r"^cpn_[0-9A-Z]{26}$")] | None = Field(
        default=None, description="The app claims it for whoever taps."
    )


class InAppContentIn(In):
    """What is shown."""

    layout: Layout
    title: Text | None = None
    body: Text | None = None
    image: Annotated[str, Field(max_length=2_048)] | None = None
    buttons: Annotated[tuple[InAppButtonIn, ...], Field(max_length=3)] = ()
    config: Annotated[
        dict[DataKey, Annotated[str, Field(max_length=1_024)]], Field(max_length=32)
    ] = Field(default_factory=dict, description="Reaches the app as it is.")

    def content(self) -> InAppContent:
        """Return the content in the words of the model."""
        return InAppContent(
            layout=self.layout,
            title=self.title,
            body=self.body,
            image=self.image,
            buttons=tuple(InAppButton(**one.model_dump()) for one in self.buttons),
            config=dict(self.config),
        )


class InAppFilterIn(In):
    """What is asked of one attribute of the event's data."""

    attribute: Annotated[str, Field(min_length=1, max_length=64)]
    comparison: Comparison = Field(
        description="`in` and `not_in` have values, `from` and `to` one number, `exists` none. An"
        " attribute that is not there passes `not_in` alone."
    )
    values: Annotated[tuple[Scalar, ...], Field(max_length=50)] = ()

    def filter(self) -> Filter:
        """Return the filter in the words of the model."""
        return Filter(attribute=self.attribute, comparison=self.comparison, values=self.values)


class InAppTriggerIn(In):
    """What a device waits for: an event of this type, or the start of a session."""

    event: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description="As the app tells it. Left out: the start of a session.",
        examples=["com.example.basket.filled"],
    )
    filters: Annotated[tuple[InAppFilterIn, ...], Field(max_length=10)] = Field(
        default=(), description="All must hold."
    )

    def trigger(self) -> Trigger:
        """Return the trigger in the words of the model."""
        return Trigger(event=self.event, filters=tuple(one.filter() for one in self.filters))


class InAppCapsIn(In):
    """How often a device shows the message at most."""

    per_session: Count | None = None
    per_day: Count | None = None
    total: Count | None = None


class InAppQuietTimeIn(In):
    """When a device shows nothing, by its own clock; it may lie over midnight."""

    start: Clock
    end: Clock


class InAppIn(In):
    """An in-app message."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    content: InAppContentIn
    trigger: InAppTriggerIn = InAppTriggerIn()
    segment_id: Annotated[str, Field(pattern=r"^seg_[0-9A-Z]{26}$")] | None = Field(
        default=None, description="Its newest version, judged whenever a device asks."
    )
    purpose: Purpose = Purpose.MARKETING
    topic: Topic | None = None
    offer_key: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    priority: Annotated[int, Field(ge=0, le=100)] = Field(
        default=DEFAULT_PRIORITY,
        description="Of several that the same event triggers the highest is shown.",
    )
    caps: InAppCapsIn = InAppCapsIn()
    quiet_time: InAppQuietTimeIn | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None

    def draft(self) -> InAppDraft:
        """Return the draft in the words of the model."""
        quiet = self.quiet_time
        return InAppDraft(
            name=self.name,
            content=self.content.content(),
            trigger=self.trigger.trigger(),
            segment_id=self.segment_id,
            purpose=self.purpose,
            topic=self.topic,
            offer_key=self.offer_key,
            priority=self.priority,
            caps=Caps(**self.caps.model_dump()),
            quiet_time=QuietTime(
                start=time.fromisoformat(quiet.start), end=time.fromisoformat(quiet.end)
            )
            if quiet
            else None,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )


class InAppChangeIn(InAppIn):
    """An in-app message as a whole; `version` is the one that was read."""

    version: Annotated[int, Field(ge=1)]


class InAppVersionIn(In):
    """Which version was read."""

    version: Annotated[int, Field(ge=1)]


class InAppButtonOut(Out):
    """Something to tap."""

    id: str
    title: str
    url: str | None
    coupon_id: str | None


class InAppContentOut(Out):
    """What is shown."""

    layout: Layout
    title: str | None
    body: str | None
    image: str | None
    buttons: tuple[InAppButtonOut, ...]
    config: Mapping[str, str]


class InAppFilterOut(Out):
    """What is asked of one attribute of the event's data."""

    attribute: str
    comparison: Comparison
    values: tuple[str | bool | int | float, ...]


class InAppTriggerOut(Out):
    """What a device waits for; without an event, the start of a session."""

    event: str | None
    filters: tuple[InAppFilterOut, ...]


class InAppCapsOut(Out):
    """How often a device shows the message at most."""

    per_session: int | None
    per_day: int | None
    total: int | None


class InAppQuietTimeOut(Out):
    """When a device shows nothing, by its own clock."""

    start: str
    end: str


class InAppRuleOut(Out):
    """A message that a device may show, and when."""

    in_app_id: str
    content: InAppContentOut
    trigger: InAppTriggerOut
    priority: int
    caps: InAppCapsOut
    quiet_time: InAppQuietTimeOut | None
    starts_at: datetime | None = Field(description="Not before, also where the policy says so.")
    ends_at: datetime | None

    @classmethod
    def of(cls, rule: InAppRule) -> Self:
        """Render a rule."""
        starts = [at for at in (rule.message.draft.starts_at, rule.not_before) if at]
        return cls(
            **{**_shown(rule.message), "starts_at": max(starts, default=None)},
        )


class DeviceRulesOut(Out):
    """What a device may show, until it asks again."""

    items: tuple[InAppRuleOut, ...]
    expires_at: datetime = Field(description="From then on nothing is shown by this answer.")

    @classmethod
    def of(cls, found: DeviceRules) -> Self:
        """Render what a device may show."""
        items = tuple(InAppRuleOut.of(one) for one in found.rules)
        return cls(items=items, expires_at=found.until)


class InAppOut(InAppRuleOut):
    """An in-app message, as marketers have it."""

    name: str
    state: InAppState
    segment_id: str | None
    purpose: Purpose
    topic: str | None
    offer_key: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of_message(cls, message: InAppMessage) -> Self:
        """Render a message."""
        draft = message.draft
        return cls(
            **_shown(message),
            name=draft.name,
            state=message.state,
            segment_id=draft.segment_id,
            purpose=draft.purpose,
            topic=draft.topic,
            offer_key=draft.offer_key,
            version=message.version,
            created_at=message.created_at,
            updated_at=message.updated_at,
        )


class InAppListOut(Out):
    """A page of in-app messages."""

    items: tuple[InAppOut, ...]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[InAppMessage]) -> Self:
        """Render a page."""
        return cls(
            items=tuple(InAppOut.of_message(one) for one in page.items),
            next_cursor=page.next_cursor and cursor_of(page.next_cursor),
        )


def _shown(message: InAppMessage) -> dict[str, object]:
    draft = message.draft
    quiet = draft.quiet_time
    return {
        "in_app_id": message.in_app_id,
        "content": asdict(draft.content),
        "trigger": asdict(draft.trigger),
        "priority": draft.priority,
        "caps": asdict(draft.caps),
        "quiet_time": {"start": f"{quiet.start:%H:%M}", "end": f"{quiet.end:%H:%M}"}
        if quiet
        else None,
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
    }
