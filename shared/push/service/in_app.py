"""Use cases of in-app messages: marketers write them, devices ask for them and tell of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.kernel.clock import Clock
from shared.kernel.decisions import Allow, Candidate, Decision, Defer
from shared.kernel.envelope import Envelope, RowKey, seal
from shared.kernel.events import Channel
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids, made_at
from shared.kernel.paging import Page
from shared.push.errors import InAppChangedError, InAppNotFoundError, TooManyInAppError
from shared.push.events import (
    InAppActivated,
    InAppCreated,
    InAppEvent,
    InAppPaused,
    InAppUpdated,
    MessageClicked,
    MessageConverted,
    MessageDismissed,
    MessageEvent,
    MessageSent,
)
from shared.push.model import ReceiptKind
from shared.push.model.in_app import (
    MOST_ACTIVE,
    RULES_HOLD,
    InAppDraft,
    InAppMessage,
    InAppReceipt,
    InAppRule,
    InAppState,
    place_of_display,
)
from shared.push.ports import (
    Asked,
    ChunkStore,
    InAppAudience,
    InAppStore,
    InboxPeople,
    Leave,
    Touches,
)
from shared.push.service.messages import ReceiptsHeard

_EVENT_OF: Mapping[ReceiptKind, type[MessageEvent]] = {
    ReceiptKind.CLICKED: MessageClicked,
    ReceiptKind.DISMISSED: MessageDismissed,
    ReceiptKind.CONVERTED: MessageConverted,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppService:
    """Keeps in-app messages for marketers."""

    messages: InAppStore
    audience: InAppAudience
    clock: Clock
    ids: Ids

    def create_message(
        self, draft: InAppDraft, *, app_id: str, by: str, attempt: Attempt | None
    ) -> tuple[InAppMessage, bool]:
        """Store a draft; say whether the attempt had made it before.

        Raises:
            InAppInvalidError: some field is wrong.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        if attempt and (before := self._recall(attempt, app_id=app_id)):
            return before, True
        self._check(draft, app_id=app_id)
        at = self.clock()
        message = InAppMessage(
            app_id=app_id,
            in_app_id=self.ids.new("iam"),
            draft=draft,
            created_at=at,
            updated_at=at,
        )
        event = self._told(InAppCreated, message, by=by)
        if self.messages.add_message(message, event, attempt=attempt) or attempt is None:
            return message, False
        return self._recall(attempt, app_id=app_id) or message, True

    def get_message(self, in_app_id: str, *, app_id: str) -> InAppMessage:
        """Return a message.

        Raises:
            InAppNotFoundError: the app has none of this id.
        """
        return self.messages.get_message(in_app_id, app_id=app_id)

    def list_messages(self, app_id: str, *, limit: int, cursor: str | None) -> Page[InAppMessage]:
        """Return a page of an app's messages, in the order of their creation."""
        return self.messages.list_messages(app_id, limit=limit, cursor=cursor)

    def update_message(
        self, in_app_id: str, draft: InAppDraft, *, app_id: str, version: int, by: str
    ) -> InAppMessage:
        """Replace what a message says and when; one that is active stays so.

        Raises:
            InAppNotFoundError: the app has none of this id.
            InAppChangedError: another version stands by now.
            InAppInvalidError: some field is wrong.
        """
        before = self._standing(in_app_id, app_id=app_id, version=version)
        self._check(draft, app_id=app_id)
        after = replace(before, draft=draft, version=version + 1, updated_at=self.clock())
        self._replace(after, InAppUpdated, before=before, by=by)
        return after

    def activate(self, in_app_id: str, *, app_id: str, version: int, by: str) -> InAppMessage:
        """Have devices told of a message from now on; ``version`` is the one that was read.

        Raises:
            InAppNotFoundError: the app has none of this id.
            InAppChangedError: another version stands by now.
            InAppStateError: it is active, or its end is over.
            TooManyInAppError: 25 others are active.
        """
        before = self._standing(in_app_id, app_id=app_id, version=version)
        after = before.moved_to(InAppState.ACTIVE, at=self.clock())
        if len(self.messages.active_messages(app_id)) >= MOST_ACTIVE:
            raise TooManyInAppError(f"{MOST_ACTIVE} messages are active")
        self._replace(after, InAppActivated, before=before, by=by)
        return after

    def pause(self, in_app_id: str, *, app_id: str, version: int, by: str) -> InAppMessage:
        """Have no device told of a message any more; what they know already holds for an hour.

        Raises:
            InAppNotFoundError: the app has none of this id.
            InAppChangedError: another version stands by now.
            InAppStateError: it is not active.
        """
        before = self._standing(in_app_id, app_id=app_id, version=version)
        after = before.moved_to(InAppState.PAUSED, at=self.clock())
        self._replace(after, InAppPaused, before=before, by=by)
        return after

    def _standing(self, in_app_id: str, *, app_id: str, version: int) -> InAppMessage:
        found = self.messages.get_message(in_app_id, app_id=app_id)
        if found.version != version:
            raise InAppChangedError(f"version {found.version} stands")
        return found

    def _check(self, draft: InAppDraft, *, app_id: str) -> None:
        draft.check()
        if draft.segment_id:
            self.audience.check(draft.segment_id, app_id=app_id)

    def _recall(self, attempt: Attempt, *, app_id: str) -> InAppMessage | None:
        before = self.messages.recall(attempt, app_id=app_id)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        return self.messages.get_message(before.result, app_id=app_id)

    def _replace(
        self, after: InAppMessage, kind: type[InAppEvent], *, before: InAppMessage, by: str
    ) -> None:
        self.messages.replace_message(after, self._told(kind, after, by=by), before=before)

    def _told(self, kind: type[InAppEvent], message: InAppMessage, *, by: str) -> Envelope:
        event = kind(
            app_id=message.app_id,
            occurred_at=message.updated_at,
            in_app_id=message.in_app_id,
            name=message.draft.name,
            version=message.version,
            by=by,
        )
        return seal(event, sequence=self.ids.sequence())


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRules:
    """What a device may show, judged anew from ``until`` on."""

    rules: Sequence[InAppRule]
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayService:
    """Tells devices what they may show, and hears what they showed."""

    messages: InAppStore
    audience: InAppAudience
    people: InboxPeople
    leave: Leave
    touches: Touches
    ledger: ChunkStore
    clock: Clock
    ids: Ids

    def rules_for(self, device_id: str, *, app_id: str) -> DeviceRules:
        """Return what whoever uses a device may be shown within the next hour.

        The contact policy is asked and nobody is counted: what is shown counts when the device
        tells of it.
        """
        at = self.clock()
        until = at + RULES_HOLD
        contact_id, *_ = self.people.contacts_on(device_id, app_id=app_id)
        found = [one for one in self.messages.active_messages(app_id) if not one.is_over(at)]
        few = {one.draft.segment_id for one in found if one.draft.segment_id}
        fitting = self.audience.fitting(few, app_id=app_id, device_id=device_id) if few else ()
        meant = [one for one in found if one.draft.segment_id in (None, *fitting)]
        asked = [_asked(one, contact_id) for one in meant]
        decisions = self.leave.judge(asked, at=at) if asked else ()
        rules = [
            rule
            for message, decision in zip(meant, decisions, strict=True)
            if (rule := _rule_of(message, decision, until=until))
        ]
        return DeviceRules(rules=rules, at=at, until=until)

    def hear(
        self, receipts: Sequence[InAppReceipt], *, app_id: str, device_id: str
    ) -> ReceiptsHeard:
        """Record what a device tells of its displays, each word once; a display is a touch.

        However late: what was shown was shown.
        """
        contact_id, *_ = self.people.contacts_on(device_id, app_id=app_id)
        known = {one: self._find(one, app_id) for one in {each.in_app_id for each in receipts}}
        events = []
        for receipt in receipts:
            message = known[receipt.in_app_id]
            if message:
                events.append(self._heard(receipt, message, contact_id, device_id))
        recorded = self.ledger.record_once(events)
        return ReceiptsHeard(
            accepted=sum(recorded),
            duplicates=len(recorded) - sum(recorded),
            unknown=tuple(at for at, one in enumerate(receipts) if known[one.in_app_id] is None),
        )

    def _find(self, in_app_id: str, app_id: str) -> InAppMessage | None:
        try:
            return self.messages.get_message(in_app_id, app_id=app_id)
        except InAppNotFoundError:
            return None

    def _heard(
        self, receipt: InAppReceipt, message: InAppMessage, contact_id: str, device_id: str
    ) -> Envelope:
        now, message_id = self.clock(), f"msg_{receipt.display_id}_0"
        place = place_of_display(made_at(receipt.display_id), message, now=now)
        at = min(max(receipt.at, message.created_at), now)
        told: dict[str, Any] = {
            "app_id": message.app_id,
            "occurred_at": at,
            "channel": Channel.INAPP,
            "contact_id": contact_id,
            "device_id": device_id,
            "message_id": message_id,
            "purpose": message.draft.purpose,
            "in_app_id": message.in_app_id,
        }
        event: MessageEvent
        if receipt.kind is ReceiptKind.DISPLAYED:
            self.touches.note(
                contact_id,
                app_id=message.app_id,
                purpose=message.draft.purpose,
                key=f"in_app/{message_id}",
                at=at,
            )
            event = MessageSent(**told, provider_id=None, ambiguous=False)
        else:
            event = _EVENT_OF[receipt.kind](**told)
        key = RowKey(at=place, id=f"{message_id}#{message.in_app_id}#{receipt.kind}")
        return seal(event, sequence=self.ids.sequence(), key=key)


def _asked(message: InAppMessage, contact_id: str) -> Asked:
    draft = message.draft
    return Asked(
        candidate=Candidate(
            app_id=message.app_id,
            contact_id=contact_id,
            channel=Channel.INAPP,
            purpose=draft.purpose,
            topic=draft.topic,
            offer_key=draft.offer_key,
            priority=draft.priority,
            expires_at=draft.ends_at,
        ),
        key=f"in_app/{message.in_app_id}/{contact_id}",
    )


def _rule_of(message: InAppMessage, decision: Decision, *, until: datetime) -> InAppRule | None:
    if isinstance(decision, Allow):
        return InAppRule(message=message)
    if isinstance(decision, Defer) and decision.until < until:
        return InAppRule(message=message, not_before=decision.until)
    return None
